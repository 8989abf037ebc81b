//! The table: what goes wrong, at which call, and how s3-put must end.

use std::time::Duration;

use snapline_integration::s3_proxy::{Answer, Call, Edit, Fault, Rule};

use crate::scene::{Case, Ending};

/// One way to go wrong. The cells are for HEAD, List, PutObject, Initiate, UploadPart and Complete; each has the ending when it
/// happens once, and when it stays so. `69?` stands for "may exist", a dot for what cannot be.
type Row = (&'static str, fn(Call) -> Fault, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //                                                                     HEAD   List   Put     Init   Part   Complete
    ("reset before",                 |_| Fault::Reset,                    "0/69   0/69   0/69?   0/69   0/69   0/69"),
    ("reset in the body",            |_| Fault::ResetInBody,              ".      .      0/69?   .      0/69   0/69"),
    ("lost reply",                   |_| Fault::Lost,                     "0/69   0/69   0/0     0/69   0/69   0/0"),
    ("reply cut",                    |_| Fault::Cut,                      "0/69   0/69   0/0     0/69   0/69   0/0"),
    ("500",                          |_| instead(internal()),             "0/69   0/69   0/69    0/69   0/69   0/69"),
    ("500 although done",            |_| Fault::After(internal()),        "0/69   0/69   0/0     0/69   0/69   0/0"),
    ("503 Retry-After",              |_| instead(slow_down()),            "0/69   0/69   0/69    0/69   0/69   0/69"),
    ("503 before the body",          |_| Fault::Early(slow_down()),       ".      .      0/69    .      0/69   ."),
    ("429",                          |_| refused("429 Too Many Requests", "TooManyRequests"),
                                                                          "0/69   0/69   0/69    0/69   0/69   0/69"),
    ("400 RequestTimeout",           |_| refused("400 Bad Request", "RequestTimeout"),
                                                                          ".      0/69   0/69    0/69   0/69   0/69"),
    ("200 with an error",            |_| refused("200 OK", "InternalError"),
                                                                          ".      0/69   0/69    0/69   0/69   0/69"),
    ("200 with an error, done",      |_| Fault::After(Answer::error("200 OK", "InternalError")),
                                                                          ".      0/69   0/0     0/69   0/69   0/0"),
    ("200 with a refusal",           |_| refused("200 OK", "PreconditionFailed"),
                                                                          ".      .      .       .      .      69/69"),
    ("200 truncated",                |_| instead(Answer::new("200 OK", "<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag>\"a")),
                                                                          ".      0/69   0/69    0/69   0/69   0/69"),
    ("200 truncated, done",          |_| Fault::Shortened,                ".      0/69   .       0/69   .      0/0"),
    ("200 empty",                    |_| instead(Answer::new("200 OK", "")),
                                                                          ".      0/69   0/69    0/69   0/69   0/69"),
    ("200 empty, done",              |_| Fault::After(Answer::new("200 OK", "")),
                                                                          ".      0/69   0/0     0/69   0/69   0/0"),
    ("200 without tag, not done",    |_| instead(Answer::new("200 OK", "<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>")),
                                                                          ".      .      0/69    .      0/69   0/69"),
    ("wrong ETag",                   |_| Fault::Edited(Edit::WrongEtag),  ".      .      0/0     .      69/69  0/0"),
    ("no ETag",                      |_| Fault::Edited(Edit::NoEtag),     ".      .      0/0     .      0/69   0/0"),
    ("empty ETag, no Location",      |_| Fault::Edited(Edit::EmptyElements),
                                                                          ".      .      .       .      .      0/0"),
    ("blanks before the XML",        |_| Fault::Edited(Edit::Blanks),     ".      0/0    .       0/0    .      0/0"),
    ("400 expired",                  |_| refused("400 Bad Request", "ExpiredToken"),
                                                                          "0/0    0/0    77/77   77/77  77/77  77/77"),
    ("403 expired",                  |_| refused("403 Forbidden", "ExpiredToken"),
                                                                          "0/0    0/0    77/77   77/77  77/77  77/77"),
    ("403 before the body",          |_| Fault::Early(Answer::error("403 Forbidden", "AccessDenied")),
                                                                          ".      .      77/77   .      77/77  ."),
    ("403 clock skew",               |_| instead(skewed()),               "0/0    69/69  69/69   69/69  69/69  69/69"),
    ("404 NoSuchUpload",             |_| refused("404 Not Found", "NoSuchUpload"),
                                                                          ".      .      .       .      69/69  69/69"),
    ("404 NoSuchUpload, done",       |_| Fault::After(Answer::error("404 Not Found", "NoSuchUpload")),
                                                                          ".      .      .       .      69/69  0/0"),
    ("404 NoSuchBucket",             |_| refused("404 Not Found", "NoSuchBucket"),
                                                                          ".      78/78  78/78   78/78  78/78  78/78"),
    ("409",                          |_| refused("409 Conflict", "ConditionalRequestConflict"),
                                                                          ".      .      0/69    .      .      0/69"),
    ("409 although done",            |_| Fault::After(Answer::error("409 Conflict", "ConditionalRequestConflict")),
                                                                          ".      .      0/0     .      .      0/0"),
    ("409 OperationAborted",         |_| refused("409 Conflict", "OperationAborted"),
                                                                          ".      0/69   0/69    0/69   0/69   0/69"),
    ("412",                          |_| refused("412 Precondition Failed", "PreconditionFailed"),
                                                                          ".      .      0/69    .      .      69/69"),
    ("412 although done",            |_| Fault::After(Answer::error("412 Precondition Failed", "PreconditionFailed")),
                                                                          ".      .      0/0     .      .      0/0"),
    ("304",                          |_| instead(Answer::new("304 Not Modified", "")),
                                                                          ".      .      0/69    .      .      69/69"),
    ("501",                          |_| refused("501 Not Implemented", "NotImplemented"),
                                                                          "0/0    0/78   0/78    78/78  78/78  0/78"),
    ("501 although done",            |_| Fault::After(Answer::error("501 Not Implemented", "NotImplemented")),
                                                                          ".      .      0/0     .      .      0/0"),
    ("slow reply",                   |_| Fault::Slow(Duration::from_millis(2500)),
                                                                          "0/69   0/69   0/0     0/69   0/69   0/0"),
    ("trickling reply",              |_| Fault::Trickle,                  "0/69   0/69   0/0     0/69   0/69   ."),
];

/// What can go wrong with a call and soon comes to an end, in the order of the table.
pub(crate) fn faults(call: Call) -> Vec<Fault> {
    let column = match call {
        Call::Look => 0,
        Call::List | Call::Uploads => 1,
        Call::Put => 2,
        Call::Initiate => 3,
        Call::Part(_) => 4,
        _ => 5,
    };
    let rows = TABLE
        .iter()
        .filter(|(_, _, cells)| cells.split_whitespace().nth(column) != Some("."));
    let faults = rows.filter_map(|(name, fault, _)| {
        let is_slow = name.starts_with("slow") || name.starts_with("trickling");
        // A store that says that it did not do what it did is understood only where it can be asked what is there.
        let is_lie = ["409", "412", "501"].map(|code| format!("{code} although done"));
        (!is_slow && !is_lie.iter().any(|lie| lie == name)).then(|| fault(call))
    });
    faults.collect()
}

/// Every cell as cases.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, fault, cells) in TABLE {
        let cells: Vec<_> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), 6, "{name}");
        for (column, cell) in cells.into_iter().enumerate() {
            let Some((once, always)) = cell.split_once('/') else {
                assert_eq!(cell, ".", "{name}");
                continue;
            };
            let mut add = |call: Call, is_large: bool, always_too: bool| {
                let parts = if is_large { "three parts" } else { "one part" };
                let mut add = |how: &str, ending: &str, rule: Rule| {
                    let name = format!("{name}, {how} at {call:?}, {parts}");
                    cases.push(case(&name, call, is_large, ending, rule));
                };
                add("once", once, Rule::once(call, fault(call)));
                if always_too {
                    add("always", always, Rule::always(call, fault(call)));
                }
            };
            match column {
                1 => {
                    add(Call::List, false, true);
                    add(Call::List, true, true);
                    // Nobody depends on it to know who else is uploading.
                    for is_large in [false, true] {
                        let (call, how) = (Call::Uploads, if is_large { "three parts" } else { "one part" });
                        let name = format!("{name}, always at {call:?}, {how}");
                        cases.push(case(&name, call, is_large, "0", Rule::always(call, fault(call))));
                    }
                }
                0 => {
                    add(Call::Look, false, true);
                    add(Call::Look, true, true);
                }
                2 => add(Call::Put, false, true),
                3 => add(Call::Initiate, true, true),
                4 => {
                    add(Call::Part(1), true, false);
                    add(Call::Part(2), true, true);
                    add(Call::Part(3), true, false);
                }
                _ => add(Call::Complete, true, true),
            }
        }
    }
    cases
}

fn case(name: &str, call: Call, is_large: bool, ending: &str, rule: Rule) -> Case {
    let is_slow = name.starts_with("slow") || name.starts_with("trickling");
    let mut rules = vec![rule];
    if call == Call::List {
        // Only who may not read is asked to list.
        rules.push(Rule::always(Call::Look, refused("403 Forbidden", "AccessDenied")));
    }
    let ending = match ending {
        "0" => Ending::Stored,
        "69?" => Ending::MayExist,
        code => Ending::Fails(code.parse().unwrap()),
    };
    let mut case = Case::new(name, is_large, ending, rules);
    if name.starts_with("403 clock skew") && ending != Ending::Stored {
        case = case.saying(&["Z here and 2040-11-24T10:00:00Z at the store", "hint: "]);
    }
    if is_slow { case.with(&["--timeout", "1"]) } else { case }
}

pub(crate) fn instead(answer: Answer) -> Fault {
    Fault::Instead(answer)
}

pub(crate) fn refused(status: &str, code: &str) -> Fault {
    Fault::Instead(Answer::error(status, code))
}

pub(crate) fn internal() -> Answer {
    Answer::error("500 Internal Server Error", "InternalError")
}

pub(crate) fn slow_down() -> Answer {
    Answer::error("503 Slow Down", "SlowDown").header("Retry-After", "1")
}

/// The store's clock is years ahead of ours.
fn skewed() -> Answer {
    Answer::error("403 Forbidden", "RequestTimeTooSkewed").header("Date", "Sat, 24 Nov 2040 10:00:00 GMT")
}
