//! `strongroom audit verify`: whether the trail is whole, also against what was kept elsewhere.

use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_api::trail::{AuditAnchor, AuditVerdict};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::Session;

/// So many anchors are sent at once, which is what a server takes.
const AT_ONCE: usize = 5_000;

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// A head that an earlier check printed and that was kept elsewhere: finds what was cut off since
    #[arg(long, value_name = "NODE:SEQ:LINK")]
    head: Option<String>,
    /// A file of anchors that a server wrote, or of syslog lines that hold them: finds what was cut off or replaced, and where
    #[arg(long, value_name = "FILE", conflicts_with = "head")]
    anchor: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let anchors = args.anchor.as_deref().map(|path| read(&context.working_dir.join(path))).transpose()?;
    let session = context.connect()?;
    let verdict = match anchors {
        Some(anchors) => compare(&session, &anchors)?,
        None => session.wait(session.project().verify_audit(args.head.as_deref()))?,
    };
    let exit = if verdict.ok { Exit::DONE } else { Exit::FAILED };
    if !context.output.is_for_people() {
        return context.output.structured(&verdict).map(|()| exit);
    }
    show(context, &verdict)?;
    Ok(exit)
}

fn show(context: &Context, verdict: &AuditVerdict) -> Result<(), Failure> {
    for problem in &verdict.problems {
        output::say(&format!("error: {problem}"));
    }
    if verdict.ok {
        let anchors = match verdict.anchors {
            0 => String::new(),
            1 => ", and fits 1 anchor".to_owned(),
            many => format!(", and fits {many} anchors"),
        };
        context.output.done(&format!("✔ Audit trail whole: {} records{anchors}", verdict.records))?;
    }
    for start in &verdict.starts {
        output::line(&format!("begins behind {}:{}, cut at {}", start.node, start.seq, start.at))?;
    }
    verdict.heads.iter().try_for_each(|head| output::line(&format!("head  {}:{}:{}", head.node, head.seq, head.link)))
}

/// Every anchor counts: a trail that fits the newest may have left an older one. The pieces overlap by one, so that a step
/// back between two is seen.
fn compare(session: &Session, anchors: &[AuditAnchor]) -> Result<AuditVerdict, Failure> {
    let mut whole: Option<AuditVerdict> = None;
    let mut from = 0;
    loop {
        let to = anchors.len().min(from + AT_ONCE);
        let piece = anchors.get(from..to).unwrap_or_default().to_vec();
        let verdict = session.wait(session.project().compare_audit(piece))?;
        whole = Some(match whole {
            None => verdict,
            Some(mut whole) => {
                whole.ok &= verdict.ok;
                whole.anchors += verdict.anchors;
                let news = verdict.problems.into_iter().filter(|problem| !whole.problems.contains(problem));
                let news: Vec<_> = news.collect();
                whole.problems.extend(news);
                whole
            }
        });
        if to == anchors.len() {
            return Ok(whole.unwrap_or_default());
        }
        from = to - 1;
    }
}

/// The anchors in a file, in their order. A line may have something in front of the anchor, as syslog writes it.
fn read(path: &Path) -> Result<Vec<AuditAnchor>, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("{shown} cannot be read")).because(&error))?;
    let anchor = |line: &str| serde_json::from_str::<AuditAnchor>(line.get(line.find('{')?..)?.trim_end()).ok();
    let anchors: Vec<_> = text.lines().filter_map(anchor).collect();
    if anchors.is_empty() {
        return Err(Failure::failed(format!("{shown} holds no anchor"))
            .hint("a server writes them with --audit-anchor file:PATH: strongroom audit anchors"));
    }
    let others = text.lines().filter(|line| !line.trim().is_empty()).count() - anchors.len();
    if others > 0 {
        output::say(&format!("{others} lines of {shown} are no anchors and were passed over"));
    }
    Ok(anchors)
}
