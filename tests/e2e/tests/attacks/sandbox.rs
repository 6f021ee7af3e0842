//! What a function's own code tries: the host's files, processes, environment and network.

use serde_json::{Value, json};
use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, Setup, processes};

/// Deploys code that tries each expression, and tells for each whether it was refused or what it gave.
async fn attempts(instance: &Instance, manifest: &Value, tries: &[(&str, String)]) -> Value {
    let cases: String = tries.iter().fold(String::new(), |all, (key, code)| {
        all + &format!("  told[{key:?}] = await attempt(async () => {{ {code} }});\n")
    });
    let bundle = format!(
        "import childProcess from 'node:child_process';\nimport fs from 'node:fs';\nimport net from 'node:net';\n
const limit = (work) => Promise.race([work, new Promise((_, no) => setTimeout(() => no(new Error('nothing came')), 3000))]);
const attempt = async (work) => {{ try {{ return 'got ' + String(await limit(work())); }} catch (error) {{ return 'refused ' + error.name; }} }};
export default async () => {{ const told = {{}};\n{cases}  return Response.json(told); }};\n"
    );
    deploy(&instance.owner(), "attacker", manifest, &bundle).await;
    instance.caller().get(&path("attacker")).unwitnessed().send().await.expect(200).json()
}

#[track_caller]
fn all_refused(told: &Value) {
    for (key, outcome) in told.as_object().unwrap() {
        assert!(outcome.as_str().unwrap().starts_with("refused"), "{key}: {outcome}");
    }
}

#[tokio::test]
async fn attack_68_the_hosts_files_are_out_of_reach() {
    let instance = Instance::start().await;
    instance.owner().set("A", &instance.plant()).await;
    let home = instance.home().display().to_string();
    let pid = instance.pid();
    let mut tries = Vec::new();
    for file in [
        format!("{home}/root.key"),
        format!("{home}/strongroom.db"),
        format!("{home}/owner.token"),
        "/etc/passwd".to_owned(),
        "/etc/shadow".to_owned(),
        format!("/proc/{pid}/environ"),
        format!("/proc/{pid}/cmdline"),
        format!("/proc/{pid}/mem"),
        "/proc/self/environ".to_owned(),
        "/proc/1/environ".to_owned(),
        format!("{home}/../server-1.log"),
        "/tmp".to_owned(),
    ] {
        tries.push(("deno ".to_owned() + &file, format!("return Deno.readTextFileSync({file:?}).length;")));
        tries.push(("node ".to_owned() + &file, format!("return fs.readFileSync({file:?}).length;")));
    }
    for folder in [home.as_str(), "/proc", "/", "/tmp"] {
        tries.push((format!("list {folder}"), format!("return [...Deno.readDirSync({folder:?})].length;")));
    }
    tries.push(("write".to_owned(), format!("Deno.writeTextFileSync('{home}/planted', 'x'); return 'written';")));
    tries.push(("write tmp".to_owned(), "Deno.writeTextFileSync('/tmp/planted', 'x'); return 'written';".to_owned()));
    tries.push(("import".to_owned(), format!("return Object.keys(await import('file://{home}/root.key')).length;")));
    tries.push((
        "remote import".to_owned(),
        "return Object.keys(await import('https://example.com/x.js')).length;".to_owned(),
    ));
    let tries: Vec<_> = tries.iter().map(|(key, code)| (key.as_str(), code.clone())).collect();
    all_refused(&attempts(&instance, &open(), &tries).await);
    instance.close().await;
}

#[tokio::test]
async fn attack_68_no_process_can_be_started_or_ended() {
    let instance = Instance::start().await;
    let pid = instance.pid();
    let tries = [
        (
            "command",
            "return (await new Deno.Command('/bin/sh', { args: ['-c', 'env'] }).output()).stdout.length;".to_owned(),
        ),
        ("spawn", "return childProcess.execSync('env').toString();".to_owned()),
        ("kill", format!("Deno.kill({pid}, 'SIGTERM'); return 'sent';")),
        ("node kill", format!("process.kill({pid}, 'SIGTERM'); return 'sent';")),
        ("ffi", "return Deno.dlopen('libc.so.6', { getpid: { parameters: [], result: 'i32' } });".to_owned()),
        ("inspector", "process._debugProcess(process.pid); return 'opened';".to_owned()),
        ("uid", "return Deno.uid();".to_owned()),
    ];
    let told = attempts(&instance, &open(), &tries).await;
    for key in ["command", "spawn", "kill", "node kill", "ffi"] {
        assert!(told[key].as_str().unwrap().starts_with("refused"), "{key}: {}", told[key]);
    }
    assert!(processes::is_alive(pid));
    instance.owner().get("stats").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_48_loopback_private_and_metadata_addresses_are_out_of_reach_however_written() {
    let instance = Instance::start().await;
    let port = instance.management().port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "127.0.0.2",
        "[64:ff9b::7f00:1]",
    ];
    let mut tries: Vec<(String, String)> = Vec::new();
    for host in hosts {
        tries.push((format!("fetch {host}"), format!("return (await fetch('http://{host}:{port}/healthz')).status;")));
        let bare = host.trim_matches(['[', ']']);
        tries.push((
            format!("connect {host}"),
            format!(
                "const c = await Deno.connect({{ hostname: {bare:?}, port: {port} }}); c.close(); return 'connected';"
            ),
        ));
        tries.push((format!("node {host}"), format!("return new Promise((yes, no) => {{ const s = net.connect({{ host: {bare:?}, port: {port} }}, () => {{ s.destroy(); yes('connected'); }}); s.on('error', no); }});")));
    }
    for address in [
        "169.254.169.254",
        "168.63.129.16",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ] {
        tries.push((
            format!("fetch {address}"),
            format!("return (await fetch('http://{address}/', {{ signal: AbortSignal.timeout(1000) }})).status;"),
        ));
    }
    let tries: Vec<_> = tries.iter().map(|(key, code)| (key.as_str(), code.clone())).collect();
    all_refused(&attempts(&instance, &json!({ "auth": "public", "timeout_ms": 120_000 }), &tries).await);
    let granted = json!({ "auth": "public", "allow_net": ["127.0.0.1", format!("localhost:{port}")] });
    let own = [
        ("own address", format!("return (await fetch('http://127.0.0.1:{port}/healthz')).status;")),
        ("own name", format!("return (await fetch('http://localhost:{port}/healthz')).status;")),
    ];
    all_refused(&attempts(&instance, &granted, &own).await);
    instance.close().await;
}

#[tokio::test]
async fn attack_48_listeners_and_sockets_are_out_of_reach() {
    let instance = Instance::start().await;
    let socket = instance.home().join("strongroom.sock").display().to_string();
    let tries = [
        (
            "unix socket",
            format!(
                "const c = await Deno.connect({{ transport: 'unix', path: {socket:?} }}); c.close(); return 'connected';"
            ),
        ),
        (
            "node unix socket",
            format!(
                "return new Promise((yes, no) => {{ const s = net.connect({{ path: {socket:?} }}, () => {{ s.destroy(); yes('connected'); }}); s.on('error', no); }});"
            ),
        ),
        (
            "abstract socket",
            "const c = await Deno.connect({ transport: 'unix', path: '\\0x' }); c.close(); return 'connected';"
                .to_owned(),
        ),
    ];
    all_refused(&attempts(&instance, &open(), &tries).await);
    instance.close().await;
}

#[tokio::test]
async fn attack_46_and_68_the_hosts_environment_does_not_reach_a_function() {
    let secret = "host-environment-canary";
    let instance = Setup::default().env("HOST_VARIABLE", secret).env("AWS_SECRET_ACCESS_KEY", secret).start().await;
    let tries = [
        ("names", "return Object.keys(Deno.env.toObject()).join();".to_owned()),
        ("node names", "return Object.keys(process.env).join();".to_owned()),
        ("one", "return String(Deno.env.get('AWS_SECRET_ACCESS_KEY')) + String(process.env.HOST_VARIABLE) + String(Deno.env.get('PATH')) + String(Deno.env.get('HOME'));".to_owned()),
        ("arguments", "return Deno.args.join() + process.argv.slice(2).join();".to_owned()),
    ];
    let told = attempts(&instance, &open(), &tries).await;
    assert_eq!((&told["names"], &told["node names"]), (&json!("got "), &json!("got ")));
    assert_eq!(told["one"], "got undefinedundefinedundefinedundefined");
    assert_eq!(told["arguments"], "got ");
    for pid in processes::family(instance.pid()).into_iter().skip(1) {
        assert!(!String::from_utf8_lossy(&processes::block(pid, "environ")).contains(secret));
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_68_one_function_reads_nothing_of_another() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in ["MINE", "YOURS"] {
        owner.set(name, &instance.plant()).await;
    }
    let victim = json!({ "auth": "public", "secrets": [{ "name": "YOURS" }] });
    let bundle = "const kept = secrets.get('YOURS'); globalThis.shared = kept; export default () => new Response(String(Deno.pid) + ' ' + import.meta.url);\n";
    deploy(&owner, "victim", &victim, bundle).await;
    let told = instance.caller().get(&path("victim")).send().await.expect(200).text();
    let (pid, url) = told.split_once(' ').unwrap();
    let folder = url.trim_start_matches("file://").rsplit_once('/').unwrap().0.to_owned();
    let manifest = json!({ "auth": "public", "secrets": [{ "name": "MINE" }] });
    let tries = [
        ("shared", "if (globalThis.shared === undefined) throw new Error('nothing'); return 'shared';".to_owned()),
        ("code", format!("return Deno.readTextFileSync({:?}).length;", url.trim_start_matches("file://"))),
        ("folder", format!("return [...Deno.readDirSync({folder:?})].map((entry) => entry.name).join();")),
        ("memory", format!("return fs.readFileSync('/proc/{pid}/mem').length;")),
        ("environment", format!("return fs.readFileSync('/proc/{pid}/environ').length;")),
        ("descriptors", format!("return fs.readdirSync('/proc/{pid}/fd').length;")),
        ("kill", format!("process.kill({pid}, 'SIGKILL'); return 'sent';")),
        ("socket", format!("const c = await Deno.connect({{ transport: 'unix', path: '{folder}/s.sock' }}); c.close(); return 'connected';")),
        ("storage", "localStorage.setItem('a', 'b'); const channel = new BroadcastChannel('x'); channel.postMessage('x'); throw new Error('nothing shared');".to_owned()),
    ];
    all_refused(&attempts(&instance, &manifest, &tries).await);
    instance.close().await;
}
