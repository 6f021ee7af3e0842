#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn found(source: &str) -> References {
    find(source, "main.ts").unwrap()
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

#[test]
fn every_plain_form_is_seen() {
    let source = r#"
        export default () => {
            Deno.env.get("A"); Deno.env.has('B'); process.env.C; process.env["D"]; globalThis.process.env.E;
            const { F, G: renamed, H = "x" } = process.env; "I" in process.env; process?.env?.J; Deno.env.get(`K`);
            Deno["env"].get("L"); process.env.M!;
        }"#;
    let found = found(source);
    assert_eq!(list(&found.env), "A,B,C,D,E,F,G,H,I,J,K,L,M");
    assert!(!found.dynamic_env);
    assert!(found.module_level.is_empty());
}

#[test]
fn helpers_are_seen_by_their_name_and_through_the_context() {
    let source = r#"
        export default defineFunction({ handler: async ({ ctx }) => {
            secrets.get("A"); secrets.getRequired("B"); secrets.getSystem("C"); await ctx.secrets.get("D", "x");
            const { secrets: own } = ctx; globalThis.secrets.get("E"); const s = ctx.secrets; s.get("F");
        } })"#;
    let found = found(source);
    assert_eq!(list(&found.helper), "A,B,C,D,E,F");
    assert!(found.env.is_empty() && !found.dynamic_env);
}

#[test]
fn what_runs_while_the_module_loads_is_told_apart() {
    let source = r#"
        const a = Deno.env.get("A"); const b = (() => process.env.B)(); const c = secrets.get("C");
        function later() { return process.env.LATER } class X { static y = process.env.D; m() { return process.env.M } }
        export default () => later()"#;
    assert_eq!(list(&found(source).module_level), "A,B,C,D");
}

#[test]
fn imports_of_the_process_module_are_followed() {
    let source = r#"import proc from "node:process"; import { env as e } from "process"; import * as all from "node:process";
        proc.env.A; e.B; all.env.C; const alias = proc.env; alias.D;"#;
    let found = found(source);
    assert_eq!(list(&found.env), "A,B,C,D");
    assert!(!found.dynamic_env);
}

#[test]
fn wrappers_are_followed_and_wrappers_of_wrappers_too() {
    let source = r#"
        function requireEnv(key) { const value = process.env[key]; if (!value) throw new Error(key); return value }
        const need = (what, name) => requireEnv(name); const helper = async (n) => secrets.get(n);
        export const config = { a: requireEnv("A"), b: need("x", "B") };
        export default async () => { await helper("C") }"#;
    let found = found(source);
    assert_eq!(list(&found.env), "A,B");
    assert_eq!(list(&found.helper), "C");
    assert_eq!(list(&found.module_level), "A,B");
    assert!(!found.dynamic_env);
}

#[test]
fn names_in_constants_are_followed() {
    let found = found(r#"const NAME = "A"; export default () => Deno.env.get(NAME)"#);
    assert_eq!(list(&found.env), "A");
    assert!(!found.dynamic_env);
}

#[test]
fn what_only_running_tells_is_dynamic() {
    for source in [
        "Deno.env.toObject()",
        "const all = { ...process.env }",
        "Object.keys(process.env)",
        "export default (req) => process.env[req.url]",
        "const { A, ...rest } = process.env",
        "const e = process.env; send(e)",
        "export default (req) => Deno.env.get('A_' + req.url)",
    ] {
        assert!(found(source).dynamic_env, "{source}");
    }
}

#[test]
fn what_is_no_program_is_refused_and_looks_alike_are_not_reads() {
    assert!(find("const = ;;; {{{", "x.js").is_err());
    let found =
        found(r#"const other = { env: { get() {} } }; other.env.get("A"); Deno.env.set("B", "x"); map.get("C")"#);
    assert_eq!(found, References::default());
}
