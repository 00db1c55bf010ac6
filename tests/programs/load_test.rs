//! The load test: each of its modes and outputs, and the documentation of what it prints.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{lines, run};

const DOCUMENTATION: &str = include_str!("../../pool/docs/performance.md");

/// The object that a run prints.
fn json(arguments: &[&str]) -> Value {
    let printed = lines("load_test", &[arguments, &["--json"]].concat()).join("\n");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// The keys of an object and of the objects in it.
fn keys(value: &Value) -> BTreeSet<String> {
    let Some(object) = value.as_object() else {
        return BTreeSet::new();
    };
    let inner = object.values().flat_map(keys);
    object.keys().cloned().chain(inner).collect()
}

/// The texts between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The fields in the documentation's table, and the code in the description of each.
fn documented() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let (_, section) = DOCUMENTATION
        .split_once("# The fields of `load_test --json`")
        .expect("a section");
    let (section, _) = section.split_once("\n# ").expect("a section behind it");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let (fields, meaning) = row.split_once(" | ").expect("two columns");
        let meaning: BTreeSet<&str> = code(meaning).collect();
        // The prefix took the first backtick.
        let fields: Vec<&str> = fields
            .split('`')
            .step_by(2)
            .filter(|field| !field.is_empty())
            .collect();
        fields.into_iter().map(move |field| (field, meaning.clone()))
    })
    .collect()
}

#[test]
fn the_documentation_names_each_field_and_no_other() {
    let printed = json(&["--jobs", "500", "--workers", "1"]);
    let documented = documented();
    let fields: BTreeSet<&str> = printed
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(documented.keys().copied().collect::<BTreeSet<_>>(), fields);
    for (field, value) in printed.as_object().expect("an object") {
        if value.is_object() {
            let named = documented[field.as_str()].iter().filter(|name| **name != "null");
            assert_eq!(
                named.map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
                keys(value),
                "{field}"
            );
        }
    }
    for pairs in ["distribution", "throughput"] {
        let pairs = printed[pairs].as_array().expect("an array");
        assert!(
            pairs
                .iter()
                .all(|pair| pair.as_array().is_some_and(|pair| pair.len() == 2)),
            "{pairs:?}"
        );
    }
}

#[test]
fn the_figures_of_a_closed_loop_agree_with_each_other() {
    let printed = json(&[
        "--jobs",
        "3000",
        "--workers",
        "2",
        "--job",
        "spin:20us",
        "--through",
        "map",
    ]);
    assert_eq!(
        (&printed["job"], &printed["through"], &printed["workers"]),
        (&"spin:20us".into(), &"map".into(), &2.into())
    );
    assert_eq!(
        (&printed["jobs"], &printed["lost"], &printed["deaths"]),
        (&3000.into(), &0.into(), &0.into())
    );
    assert!(printed["rate_per_s"].is_null() && printed["in_flight"].is_number());
    let counted = printed["distribution"].as_array().expect("pairs").iter();
    assert_eq!(
        counted
            .map(|pair| pair[1].as_u64().expect("a number"))
            .sum::<u64>(),
        3000
    );
    let figure = |value: &Value| value.as_f64().expect("a figure");
    let per_second = 3000.0 / figure(&printed["seconds"]);
    assert!(
        (figure(&printed["jobs_per_s"]) / per_second - 1.0).abs() < 1e-6,
        "{printed}"
    );
    let one = figure(&printed["one_thread"]["us_per_job"]);
    // Work that took 20 µs in a trial; the machine's speed changes with its load.
    assert!(
        (5.0..200.0).contains(&one),
        "a job takes the time that was asked for: {one}"
    );
    let latency = &printed["latency_us"];
    let rising = ["min", "p50", "p90", "p99", "p99_9", "max"].map(|name| figure(&latency[name]));
    assert!(rising.is_sorted() && rising[0] > 0.0, "{latency}");
}

#[test]
fn an_open_loop_takes_the_time_that_its_jobs_need_to_arrive() {
    let printed = json(&[
        "--jobs",
        "200",
        "--workers",
        "1",
        "--rate",
        "1000",
        "--job",
        "echo:1KiB",
    ]);
    assert_eq!(
        (&printed["jobs"], &printed["rate_per_s"]),
        (&200.into(), &1000.0.into())
    );
    assert!(
        printed["in_flight"].is_null() && printed["one_thread"].is_null(),
        "{printed}"
    );
    let seconds = printed["seconds"].as_f64().expect("seconds");
    assert!(
        seconds > 0.15,
        "200 jobs at 1000 a second arrive within {seconds} s"
    );
}

#[test]
fn jobs_that_end_their_workers_are_counted() {
    let printed = json(&[
        "--jobs",
        "500",
        "--workers",
        "2",
        "--crash-every",
        "100",
        "--through",
        "map-unordered",
    ]);
    let counts = ["jobs", "lost", "deaths"].map(|name| printed[name].as_u64().expect("a number"));
    assert_eq!(counts, [500, 5, 5], "{printed}");
    assert!(printed["restarts"].as_u64() >= Some(4), "{printed}");
}

#[test]
fn text_and_page_show_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let path = page.to_str().expect("a path in UTF-8");
    let printed = lines(
        "load_test",
        &[
            "--jobs",
            "500",
            "--workers",
            "1",
            "--job",
            "eval:1<2",
            "--html",
            path,
        ],
    );
    let names = [
        "run",
        "throughput",
        "latency",
        "one thread",
        "CPU a job",
        "batches",
        "memory",
        "start",
        "faults",
    ];
    assert_eq!(printed.len(), names.len(), "{printed:?}");
    for (line, name) in printed.iter().zip(names) {
        assert_eq!(line[..14].trim_end(), name, "{line}");
    }
    assert!(
        printed[0].contains("eval:1<2, through submit") && printed[0].contains("workers 1"),
        "{printed:?}"
    );
    assert!(printed[1].contains("(500 jobs in "), "{printed:?}");

    let page = std::fs::read_to_string(page).expect("a page");
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"),
        "{page}"
    );
    assert_eq!(
        page.matches("<svg").count(),
        2,
        "a chart of latencies and one of throughput"
    );
    assert!(
        page.contains("<title>Load test: eval:1&lt;2</title>"),
        "what was given is no markup"
    );
    for (line, name) in printed.iter().zip(names).skip(1) {
        let value = line[14..].replace('&', "&amp;").replace('<', "&lt;");
        assert!(
            page.contains(&format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>")),
            "{name}"
        );
    }
}

#[test]
fn what_cannot_be_run_is_refused_before_it_is() {
    for (arguments, complaint) in [
        (&["--rate", "1", "--in-flight", "1"][..], "cannot be used with"),
        (&["--sweep", "--jobs", "1"], "cannot be used with"),
        (&["--job", "sleep:1s"], "as in spin:10us or echo:64KiB"),
        (&["--html", "/nowhere/page.html"], "cannot write the page"),
    ] {
        let refused = run("load_test", arguments);
        assert!(!refused.status.success(), "{arguments:?}");
        let printed = String::from_utf8_lossy(&refused.stderr);
        assert!(printed.contains(complaint), "{arguments:?}: {printed}");
    }
}
