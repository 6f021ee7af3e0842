//! Links in Markdown lead somewhere.

use std::collections::BTreeSet;

use super::Finding;
use crate::tree::{File, Tree};

/// Each link to a file of the project names one that is there, with a heading that is in it.
pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.extension() == "md") {
        for (line, target) in targets(&file.text) {
            if let Some(message) = broken(tree, file, &target) {
                findings.push(Finding { path: file.path.clone(), line, message });
            }
        }
    }
    findings
}

/// What is wrong with this target, if something is. Addresses elsewhere are not looked at.
fn broken(tree: &Tree, from: &File, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(path) = resolve(from, path) else { return Some(format!("{target} leads out of the project")) };
    if !path.is_empty() && !tree.paths.contains(&path) {
        return Some(format!("{target} does not exist"));
    }
    let headings = tree.file(&path).filter(|file| file.extension() == "md").map(|file| anchors(&file.text))?;
    (!anchor.is_empty() && !headings.contains(anchor)).then(|| format!("{target}: the file has no such heading"))
}

/// The path from the root of what `target`, written in `from`, names.
fn resolve(from: &File, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(from.path.clone());
    }
    let base = if target.starts_with('/') { "" } else { from.folder() };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The lines outside code blocks, numbered from 1, with what stands in back-quotes left out.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        (!in_code && !fence).then(|| (index + 1, line.split('`').step_by(2).collect::<Vec<_>>().join("`")))
    })
}

/// Targets of `[text](target)` and `[name]: target`.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (number, line) in prose(text) {
        for after in line.split("](").skip(1) {
            let target = after.split(')').next().and_then(|inside| inside.split_whitespace().next());
            targets.extend(target.map(|target| (number, target.to_owned())));
        }
        let definition = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        let target = definition.and_then(|(_, target)| target.split_whitespace().next());
        targets.extend(target.map(|target| (number, target.trim_matches(['<', '>']).to_owned())));
    }
    targets
}

/// The anchors that headings get: lower case, blanks as dashes, other signs dropped, `-1` behind the second of a name.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if in_code || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let taken = |slug: &String| anchors.contains(slug);
        let slug = if taken(&slug) {
            (1..=text.len()).map(|number| format!("{slug}-{number}")).find(|slug| !taken(slug)).unwrap_or(slug)
        } else {
            slug
        };
        anchors.insert(slug);
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let page = "# Guide\n[a](../README.md) [b](missing.md)\n[c](/docs/x.md#two-words) [d](#guide) [e](x.md#none)\n[f]: <gone.md>\n[g](https://example.com/x) [h](../../out.md) ![i](pic.png)\n";
        let files =
            [("docs/guide.md", page), ("docs/x.md", "# A\n## `Two` words!\n"), ("README.md", ""), ("docs/pic.png", "")];
        assert_eq!(
            shown(links, &files),
            [
                "docs/guide.md:2: missing.md does not exist",
                "docs/guide.md:3: x.md#none: the file has no such heading",
                "docs/guide.md:4: gone.md does not exist",
                "docs/guide.md:5: ../../out.md leads out of the project",
            ]
        );
    }

    #[test]
    fn code_is_not_read_for_links_or_headings() {
        let page = "```\n[a](missing.md)\n# no heading\n```\n`[b](missing.md)` [c](#no-heading)\n[d](.)\n";
        assert_eq!(shown(links, &[("a.md", page)]), ["a.md:5: #no-heading: the file has no such heading"]);
    }

    #[test]
    fn the_second_heading_of_a_name_has_a_number() {
        let anchors = anchors("# A\n# A\n");
        assert!(anchors.contains("a") && anchors.contains("a-1"));
    }
}
