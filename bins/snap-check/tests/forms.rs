//! The forms of the report, each read by a parser of its own; and the file it may go to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/nagios.rs"]
mod nagios;
#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "support/series.rs"]
mod series;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use program::{expect, run_with};
use prometheus_parse::{Scrape, Value};
use series::{DAILY, PROGRAM, SERIES, archive, check, holding, key, run, text};
use stand_in::{StandIn, Turn, closed, error};

/// Runs a check as a plugin; it must end with this code and this status.
fn plugin(url: &str, more: &[&str], code: i32, status: &str) -> nagios::Line {
    let output = check(url, &[&["--format", "nagios"], more].concat());
    expect(&output, code, &[]);
    let line = nagios::parse(&text(&output));
    assert_eq!(line.status, status, "{line:?}");
    line
}

#[test]
fn a_plugin_that_finds_all_well_says_ok_with_values_within_their_limits() {
    let store = holding(StandIn::new(), &[2, 3]);
    let line = plugin(&store.url, &["--verify", "2", "--min-count", "2"], 0, "OK");
    let value = |label: &str| line.data[label].value.unwrap();
    assert!((7200.0..7260.0).contains(&value("age")), "{line:?}");
    assert_eq!(line.data["age"].unit, "s");
    assert_eq!(
        (value("size") as usize, &*line.data["size"].unit),
        (archive(102).len(), "B")
    );
    assert_eq!((value("count"), value("verified"), value("broken")), (2.0, 2.0, 0.0));
    assert_eq!((value("future"), value("empty"), value("index")), (0.0, 0.0, 102.0));
    assert!(line.data.values().all(|datum| !datum.is_critical()), "{line:?}");
    assert!(
        line.text.contains(&key(2)) && line.text.contains("2h0m old"),
        "{line:?}"
    );
}

#[test]
fn a_plugin_is_critical_where_its_own_values_are() {
    for (ages, more, label) in [
        (&[30][..], &[][..], "age"),
        (&[1], &["--min-count", "2"], "count"),
        (&[1, 99], &["--verify", "all"], "broken"),
    ] {
        let store = holding(StandIn::new(), ages);
        let store = if ages.contains(&99) {
            store.holding(&key(99), "x")
        } else {
            store
        };
        let line = plugin(&store.url, more, 2, "CRITICAL");
        let critical: Vec<_> = line.data.iter().filter(|(_, datum)| datum.is_critical()).collect();
        assert_eq!(critical.len(), 1, "{line:?}");
        assert_eq!(critical[0].0, label);
    }
    let line = plugin(&StandIn::new().url, &[], 2, "CRITICAL");
    assert_eq!((line.data["age"].value, line.data["size"].value), (None, None));
    assert!(line.text.contains("there is no snapshot"));
}

#[test]
fn a_plugin_that_cannot_know_is_unknown_whatever_the_reason() {
    let line = plugin(&closed(), &[], 3, "UNKNOWN");
    assert!(
        line.text.contains("connection refused") && line.data.is_empty(),
        "{line:?}"
    );
    let denied = StandIn::always("list", Turn::Reply(error("403 Forbidden", "AccessDenied")));
    assert!(plugin(&denied.url, &[], 3, "UNKNOWN").text.contains("AccessDenied"));
    let gone = StandIn::always("list", Turn::Reply(error("404 Not Found", "NoSuchBucket")));
    assert!(plugin(&gone.url, &[], 3, "UNKNOWN").text.contains("NoSuchBucket"));
    // Fresh, but nobody knows whether it is whole.
    let cut = holding(StandIn::always("get", Turn::Cut(5000)), &[1]);
    let line = plugin(&cut.url, &["--verify", "latest", "--max-attempts", "1"], 3, "UNKNOWN");
    assert_eq!(line.data["count"].value, Some(1.0));
    // The environment, an option's value, a file that cannot be written.
    let mut command = program::program(PROGRAM, "nonsense");
    command.env_remove("AWS_ACCESS_KEY_ID");
    let output = run_with(command, &[&DAILY[..], &["--format=nagios"]].concat(), "");
    expect(&output, 3, &[]);
    assert_eq!(nagios::parse(&text(&output)).status, "UNKNOWN");
    let output = check(&closed(), &["--format", "nagios", "--output", "/no/such/folder/x"]);
    expect(&output, 3, &["/no/such/folder/x"]);
    assert!(nagios::parse(&text(&output)).text.contains("/no/such/folder/x"));
}

#[test]
fn a_plugin_that_is_called_wrongly_is_unknown_in_one_line() {
    for words in [
        &["--format", "nagios"][..],
        &["s3://bkt/v/", "--format=nagios"],
        &["s3://bkt/v/", "--max-age", "soon", "--format", "nagios"],
        &["s3://bkt/v/", "--max-age", "1h", "--no-such", "--format", "nagios"],
        &["s3://bkt/v/one", "--max-age", "1h", "--format", "nagios"],
        &["s3://bkt/a|b", "--max-age", "1h", "--format", "nagios"],
    ] {
        let output = run(&closed(), words);
        expect(&output, 3, &[]);
        let line = nagios::parse(&text(&output));
        assert_eq!((&*line.status, line.data.len()), ("UNKNOWN", 0), "{words:?}");
    }
    // Nobody asked for a plugin.
    let output = run(&closed(), &["s3://bkt/v/"]);
    expect(&output, 64, &[]);
    assert_eq!(text(&output), "");
}

/// The gauges of a file, without the prefix that all have.
fn gauges(text: &str, series: &str) -> BTreeMap<String, f64> {
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let gauge = |sample: prometheus_parse::Sample| {
        assert_eq!(sample.labels.get("series"), Some(series));
        assert!(
            scrape.docs.contains_key(&sample.metric),
            "no help for {}",
            sample.metric
        );
        let Value::Gauge(value) = sample.value else {
            panic!("{} is no gauge", sample.metric);
        };
        (sample.metric.strip_prefix("snapline_check_").unwrap().to_owned(), value)
    };
    scrape.samples.iter().cloned().map(gauge).collect()
}

#[test]
fn prometheus_gets_a_whole_file_in_every_case() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.prom");
    let path = file.to_str().unwrap();
    let write = |url: &str, words: &[&str], code: i32| -> Output {
        fs::write(&file, "older").unwrap();
        let output = run(url, &[words, &["--format", "prometheus", "--output", path]].concat());
        expect(&output, code, &[]);
        assert_eq!(text(&output), "");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        output
    };
    let read = |series: &str| gauges(&fs::read_to_string(&file).unwrap(), series);

    let store = holding(StandIn::new(), &[2, 3]);
    write(&store.url, &[&DAILY[..], &["--verify", "latest"]].concat(), 0);
    let good = read(SERIES);
    assert_eq!((good["ok"], good["exit_code"], good["snapshots"]), (1.0, 0.0, 2.0));
    assert_eq!(
        (good["newest_index"], good["newest_term"], good["newest_whole"]),
        (102.0, 3.0, 1.0)
    );
    assert_eq!(good["newest_size_bytes"] as usize, archive(102).len());
    assert_eq!((good["verified_snapshots"], good["broken_snapshots"]), (1.0, 0.0));
    assert!((7200.0..7260.0).contains(&good["newest_age_seconds"]));
    let age = good["timestamp_seconds"] - good["newest_timestamp_seconds"];
    assert!((7200.0..7260.0).contains(&age), "{age}");

    write(&holding(StandIn::new(), &[30]).url, &DAILY, 66);
    let old = read(SERIES);
    assert_eq!((old["ok"], old["exit_code"]), (0.0, 66.0));
    assert!(old["newest_age_seconds"] > 30.0 * 3599.0);
    assert!(!old.contains_key("newest_whole"));

    let broken = StandIn::new().holding(&key(1), "x");
    write(&broken.url, &[&DAILY[..], &["--verify", "latest"]].concat(), 65);
    let broken = read(SERIES);
    assert_eq!(
        (broken["ok"], broken["newest_whole"], broken["broken_snapshots"]),
        (0.0, 0.0, 1.0)
    );

    write(&closed(), &DAILY, 69);
    let unknown = read(SERIES);
    assert_eq!((unknown["ok"], unknown["exit_code"]), (0.0, 69.0));
    assert!(!unknown.contains_key("snapshots"));

    write(&closed(), &["s3://bkt/one", "--max-age", "1h"], 64);
    assert_eq!(read("s3://bkt/one")["ok"], 0.0);
}

#[test]
fn json_has_stable_names_in_every_case() {
    let store = holding(StandIn::new(), &[3]).holding(&key(2), "x");
    let output = check(&store.url, &["--format", "json", "--verify", "all"]);
    expect(&output, 65, &[]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let newest = format!("s3://bkt/{}", key(2));
    assert_eq!(object["status"], "failed");
    assert_eq!(object["exit_code"], 65);
    assert_eq!(object["series"], SERIES);
    assert_eq!(object["newest"]["uri"], newest);
    assert_eq!(object["newest"]["whole"], false);
    assert_eq!(object["count"], 2);
    assert_eq!(object["verification"]["chosen"], 2);
    assert_eq!(object["verification"]["broken"], 1);
    assert_eq!(object["problems"][0]["code"], "broken");
    assert_eq!(object["problems"][0]["uri"], newest);
    assert!(object["hint"].as_str().unwrap().contains(&key(3)));

    let output = check(&closed(), &["--format", "json"]);
    expect(&output, 69, &[]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (object["status"].as_str(), object["exit_code"].as_u64()),
        (Some("unknown"), Some(69))
    );
    assert!(object["message"].as_str().unwrap().contains("connection refused"));
}

#[test]
fn any_form_can_go_to_a_file_that_is_replaced_as_a_whole() {
    let store = holding(StandIn::new(), &[2]);
    let folder = tempfile::tempdir().unwrap();
    for (form, begin) in [
        ("text", "ok newest="),
        ("json", "{\"status\":\"ok\""),
        ("nagios", "SNAPLINE OK - "),
    ] {
        let file = folder.path().join(form);
        let output = check(&store.url, &["--format", form, "--output", file.to_str().unwrap()]);
        expect(&output, 0, &[]);
        assert_eq!(text(&output), "");
        assert!(fs::read_to_string(&file).unwrap().starts_with(begin));
    }
    let output = check(&store.url, &["--output", "/no/such/folder/x"]);
    expect(&output, 74, &["/no/such/folder/x"]);
    assert_eq!(store.asked().len(), 6);
}
