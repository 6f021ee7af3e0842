//! `init`: what it writes works, and what stands there stays.

use crate::world::{Way, World};

fn read(world: &World, path: &str) -> String {
    std::fs::read_to_string(world.work().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn everything_is_written_once_and_left_the_second_time() {
    let world = World::new(Way::InProcess);
    let first = world.does(&["init"]);
    for path in ["strongroom.json", "functions/hello.ts", "jobs/greet-all.ts", ".gitignore"] {
        assert!(first.stdout.contains(&format!("✔ Wrote {path}\n")), "{first:?}");
    }
    assert_eq!(read(&world, ".gitignore"), ".env*\n!.env.example\n");
    let before = read(&world, "strongroom.json");
    let second = world.does(&["init"]);
    assert_eq!(second.stdout, "• Left strongroom.json as it is\n• Left .gitignore as it is\n");
    assert_eq!(read(&world, "strongroom.json"), before);
    assert_eq!(read(&world, ".gitignore"), ".env*\n!.env.example\n");
}

#[test]
fn what_stands_there_stays() {
    let world = World::new(Way::InProcess);
    world.write("functions/hello.ts", "// mine");
    world.write(".gitignore", "node_modules");
    let done = world.json(&["init"]);
    assert_eq!(done["left"], serde_json::json!(["functions/hello.ts"]));
    assert_eq!(read(&world, "functions/hello.ts"), "// mine");
    assert_eq!(read(&world, ".gitignore"), "node_modules\n.env*\n!.env.example\n");
    world.write("strongroom.json", "{ broken");
    world.exits(2, &["init"]);
    assert_eq!(read(&world, "strongroom.json"), "{ broken");
}

#[test]
fn the_name_is_the_project_and_a_second_file_is_noticed() {
    let world = World::new(Way::InProcess);
    let done = world.json(&["init", "shop"]);
    assert_eq!(done["project"], "shop");
    assert!(
        done["next"].as_array().is_some_and(|next| next.contains(&"strongroom projects create shop".into())),
        "{done}"
    );
    assert!(read(&world, "strongroom.json").contains("\n  \"project\": \"shop\",\n"));
    let other = world.does(&["init", "other"]);
    assert!(other.stderr.contains("the project is shop; for other, set \"project\" in strongroom.json"), "{other:?}");
    world.exits(2, &["init", "Not A Name"]);
    world.write("inner/.keep", "");
    let inner = crate::world::Ran::of(world.command(&["init"]).current_dir(world.work().join("inner")));
    assert!(inner.stderr.contains("takes the place of"), "{inner:?}");
}
