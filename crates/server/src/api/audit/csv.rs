//! Records as rows of a table: RFC 4180, with every cell that a spreadsheet would take for a formula made into text.

use strongroom_api::trail::AuditItem;

/// The first row.
pub(crate) const HEAD: &str = "node,seq,at,actor,source,action,project,target,result,request_id,token\r\n";

/// What makes a spreadsheet compute a cell, or step out of it (OWASP, CSV injection): also in the wide forms that some fold.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '＠'];

/// Appends a record.
pub(crate) fn row(text: &mut String, item: &AuditItem) {
    let (seq, at, target) = (item.seq.to_string(), item.at.to_string(), item.target.to_string());
    let none = "";
    let cells = [
        &item.node,
        &seq,
        &at,
        &item.actor,
        &item.source,
        &item.action,
        item.project.as_deref().unwrap_or(none),
        &target,
        &item.result,
        item.request_id.as_deref().unwrap_or(none),
        item.token.as_deref().unwrap_or(none),
    ];
    for (index, content) in cells.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        cell(text, content);
    }
    text.push_str("\r\n");
}

fn cell(text: &mut String, content: &str) {
    let is_formula = content.trim_start_matches(' ').starts_with(FORMULA) || content.starts_with(FORMULA);
    let mark = if is_formula { "'" } else { "" };
    if content.contains([',', '"', '\r', '\n']) || content.starts_with(' ') {
        text.push('"');
        text.push_str(mark);
        text.push_str(&content.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(mark);
        text.push_str(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: &str) -> String {
        let mut text = String::new();
        cell(&mut text, content);
        text
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(shown("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        for formula in ["+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"] {
            let text = shown(formula);
            assert!(text.trim_start_matches('"').starts_with('\''), "{formula:?} becomes {text:?}");
        }
        assert_eq!(shown("token:ci"), "token:ci");
    }

    #[test]
    fn no_content_ends_its_cell_or_row() {
        assert_eq!(shown("a,b"), "\"a,b\"");
        assert_eq!(shown("a\r\n=1"), "\"a\r\n=1\"");
        assert_eq!(shown("say \"hi\""), "\"say \"\"hi\"\"\"");
    }
}
