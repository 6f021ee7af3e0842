#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// See the file's first lines.
const CASES: &str = include_str!("references/cases.txt");

fn found(source: &str) -> References {
    find(source, "main.ts").unwrap()
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

#[test]
fn every_case_of_the_table_is_read_as_it_says() {
    let mut wrong = Vec::new();
    let cases = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut count = 0;
    for line in cases {
        count += 1;
        let (wanted, source) = line.split_once(" | ").or_else(|| line.split_once("| ")).unwrap();
        let (env, helper) = wanted.trim().split_once(';').unwrap_or((wanted.trim(), ""));
        let found = match find(source, "main.ts") {
            Ok(found) => found,
            Err(error) => {
                wrong.push(format!("{error}: {source}"));
                continue;
            }
        };
        let dynamic = |is: bool| if is { vec!["*"] } else { Vec::new() };
        let told = |names: &BTreeSet<String>, is: bool| {
            names.iter().map(String::as_str).chain(dynamic(is)).collect::<Vec<_>>().join(",")
        };
        let is_dynamic_helper = !found.dynamic.is_empty() && !found.dynamic_env;
        let seen = (told(&found.env, found.dynamic_env), told(&found.helper, is_dynamic_helper));
        if seen != (env.to_owned(), helper.to_owned()) {
            wrong.push(format!("{} ; {} | {source}", seen.0, seen.1));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are read otherwise:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 200, "{count}");
}

#[test]
fn reads_have_their_places_in_order() {
    let source = "const a = process.env.A;\nexport default () => secrets.get('B');\n";
    let found = found(source);
    let places: Vec<_> = found.reads.iter().map(|read| (read.name.as_str(), read.kind, read.offset)).collect();
    assert_eq!(places, [("A", Kind::Env, 10), ("B", Kind::Helper, 58)]);
}

#[test]
fn what_runs_while_the_module_loads_is_told_apart() {
    let source = r#"
        const a = Deno.env.get("A"); const b = (() => process.env.B)(); const c = secrets.get("C");
        function later() { return process.env.LATER } class X { static y = process.env.D; m() { return process.env.M } }
        export default () => later()"#;
    assert_eq!(list(&found(source).module_level), "A,B,C,D");
    let wrapped =
        r#"function need(n) { return process.env[n] } export const config = { a: need("A"), b: () => need("B") };"#;
    assert_eq!(list(&found(wrapped).module_level), "A");
}

#[test]
fn wrappers_and_names_are_followed_from_one_file_into_another() {
    let env = "export const requireEnv = (name) => process.env[name];\nexport const KEY = 'A';\nconst e = process.env; export { e as environment };";
    let common = "function need(n) { return process.env[n] }\nmodule.exports = { need };";
    let (env, common) = (found(env).exports, find(common, "env.cjs").unwrap().exports);
    let mut passing = found("export * from './env.js'; export { requireEnv as must } from './env.js';").exports;
    passing.pass_on(|_| Some(&env));
    let imported: Imported<'_> =
        [("./env.js".to_owned(), &env), ("./all.js".to_owned(), &passing), ("./common.cjs".to_owned(), &common)].into();
    for source in [
        "import { requireEnv } from './env.js'; requireEnv('A')",
        "import { requireEnv as need } from './env.js'; need('A')",
        "import * as env from './env.js'; env.requireEnv('A')",
        "import { KEY } from './env.js'; process.env[KEY]",
        "import { environment } from './env.js'; environment.A",
        "import { must } from './all.js'; must('A')",
        "import { requireEnv } from './all.js'; ['A'].map(requireEnv)",
        "const { need } = require('./common.cjs'); need('A')",
        "const env = require('./common.cjs'); env.need('A')",
    ] {
        let found = find_with(source, "main.ts", &imported).unwrap();
        assert_eq!((list(&found.env).as_str(), found.dynamic_env), ("A", false), "{source}");
    }
}

#[test]
fn modules_that_are_asked_for_are_listed() {
    let source = "import 'a'; import x from './b.ts'; export * from './c.ts'; const d = require('d'); await import('./e.ts'); import type { T } from './t.ts'";
    let found = found(source);
    let asked: Vec<_> = found.imports.iter().map(|import| import.specifier.as_str()).collect();
    assert_eq!(asked, ["a", "./b.ts", "./c.ts", "d", "./e.ts"]);
}

#[test]
fn what_is_no_program_is_refused_and_looks_alike_are_not_reads() {
    assert!(find("const = ;;; {{{", "x.js").is_err());
    let found =
        found(r#"const other = { env: { get() {} } }; other.env.get("A"); Deno.env.set("B", "x"); map.get("C")"#);
    assert!(found.env.is_empty() && found.helper.is_empty() && !found.dynamic_env);
}

#[test]
fn deep_nesting_neither_overflows_nor_hangs() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("x=>", ""), ("!", ""), ("a+", ""), ("a.", "")]
    {
        for depth in [1_000, 15_000, 40_000] {
            let source = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            let _answers = find(&source, "main.js");
        }
    }
    let deep = format!("{}1{}", "(".repeat(3_000_000), ")".repeat(3_000_000));
    assert!(matches!(find(&deep, "main.js"), Err(ParseError::TooDeep { .. })));
}

#[test]
fn work_grows_with_the_length_alone() {
    // each of these would take hours if anything were looked at once for each other thing
    let chain = format!("a{}", ".b".repeat(10_000));
    let calls = "function f(n) { return process.env[n] }\n".to_owned() + &"f('A');".repeat(100_000);
    let aliases: Vec<_> = (0..20_000).map(|index| format!("const a{} = a{index};", index + 1)).collect();
    for source in [chain, calls, format!("const a0 = process.env;{}a20000.A", aliases.concat())] {
        assert!(find(&source, "main.js").is_ok());
    }
}
