//! Any text as a project file: it is read or refused with places in the text, and nothing in it stands in a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_project::parse;

fuzz_target!(|text: &str| match parse(text) {
    Ok(project) => {
        assert!(project.functions.iter().all(|function| function.manifest.problems().is_empty()));
        assert!(project.jobs.iter().all(|job| job.manifest.problems().is_empty()));
    }
    Err(problems) => {
        assert!(!problems.is_empty(), "refused without a reason");
        let lines = text.matches('\n').count() + 1;
        for problem in problems {
            assert!((1..=lines).contains(&problem.line), "{problem:?}");
            let line = text.split('\n').nth(problem.line - 1).expect("a line");
            assert!((1..=line.chars().count() + 1).contains(&problem.column), "{problem:?}");
            assert_ne!(problem.message, "this cannot be read", "the table of keys and the manifests differ");
        }
    }
});
