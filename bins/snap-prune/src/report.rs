//! Says what becomes of each object, and why.

use snapline_cli::{Field, table};
use snapline_series::Member;

use crate::guard::moment;
use crate::policy::Plan;

/// Shows the plan: warnings about what does not count, and with `-v` every object with the rules that keep it.
pub(crate) fn show(plan: &Plan, bucket: &str) {
    warn(&plan.future, bucket, "is from the future", "are from the future");
    warn(&plan.empty, bucket, "is empty", "are empty");
    warn(
        &plan.late,
        bucket,
        "was stored more than a day after the time in its name",
        "were stored more than a day after the time in their names",
    );
    if !plan.late.is_empty() {
        log::warn!(
            target: "snap_prune::hint",
            "in a bucket that was copied that is as it should be: --trust-names counts them"
        );
    }
    let title = |what: &str, count: usize| format!("{what} {count} snapshot{}", if count == 1 { "" } else { "s" });
    table(&title("keep", plan.keep.len()), COLUMNS, || {
        plan.keep.iter().map(|kept| {
            let reasons = kept.reasons.iter().map(ToString::to_string).collect();
            row(&kept.member, bucket, "keep", reasons)
        })
    });
    table(&title("delete", plan.delete.len()), COLUMNS, || {
        let members = plan.delete.iter();
        members.map(|member| row(member, bucket, "delete", Vec::new()))
    });
    let apart = [
        (&plan.future, "from the future"),
        (&plan.late, "late"),
        (&plan.empty, "empty"),
    ];
    let count = apart.iter().map(|(members, _)| members.len()).sum();
    table(&title("leave alone", count), COLUMNS, || {
        apart.into_iter().flat_map(|(members, reason)| {
            let members = members.iter();
            members.map(move |member| row(member, bucket, "leave alone", vec![reason.to_owned()]))
        })
    });
}

const COLUMNS: &[&str] = &["decision", "taken", "size", "reasons", "object"];

fn row(member: &Member, bucket: &str, decision: &str, reasons: Vec<String>) -> Vec<Field> {
    vec![
        Field::Word(decision.to_owned()),
        Field::Word(moment(member)),
        Field::Count(member.size),
        Field::Words(reasons),
        Field::Word(member.uri(bucket).to_string()),
    ]
}

/// One warning, however many there are: a planted thousand must not bury what matters.
fn warn(members: &[Member], bucket: &str, one: &str, several: &str) {
    let Some(newest) = members.first() else {
        return;
    };
    let newest = newest.uri(bucket);
    match members.len() {
        1 => log::warn!("'{newest}' {one}: not counted, and left alone"),
        count => log::warn!("{count} objects {several}, '{newest}' among them: not counted, and left alone"),
    }
}
