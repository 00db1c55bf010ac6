//! Standard output.

use std::process::Command;

use crate::command::{PROGRAM, Running, run};

#[test]
fn values_are_written_as_python_does() {
    let expressions = ["1+1", "'a' + \"b\"", "[1, 2.0, (3,)]", "2**100", "1e16", "None"];
    run(expressions, "").expect(
        0,
        "2\n'ab'\n[1, 2.0, (3,)]\n1267650600228229401496703205376\n1e+16\nNone\n",
    );
}

#[test]
fn a_failure_stands_on_its_line() {
    let ended = run(["1", "1/0", "{'a\\nb': 1}['a\\nc']", "2"], "");
    ended.expect(
        1,
        "1\nZeroDivisionError: division by zero\nKeyError: 'a\\nc'\n2\n",
    );
}

#[test]
fn json_is_an_object_a_line() {
    let ended = run(["--json", "'é\"'", "'日本'+2/0", "nobody"], "");
    ended.expect(
        1,
        "{\"seq\":0,\"ok\":true,\"repr\":\"'é\\\"'\"}\n\
         {\"seq\":1,\"ok\":false,\"error\":{\"kind\":\"ZeroDivisionError\",\"message\":\"division by zero\",\"column\":6}}\n\
         {\"seq\":2,\"ok\":false,\"error\":{\"kind\":\"NameError\",\"message\":\"name 'nobody' is not defined\",\"column\":1}}\n",
    );
    assert_eq!(ended.stderr, "", "failures are reported nowhere else");
}

#[test]
fn help_and_version_are_printed() {
    let ended = run(["--help"], "");
    assert_eq!(ended.code, Some(0));
    for part in ["Examples:", "Exit codes:", "--skip-blank", "NAME=EXPR"] {
        assert!(ended.stdout.contains(part), "{part}");
    }
    assert_eq!(ended.stderr, "");
    let version = Running::start(Command::new(PROGRAM).arg("--version")).end();
    version.expect(0, concat!("pool ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_line_of_json_is_json() {
    let ended = run(
        [
            "--json",
            "'\\x00\\x7f\\u2028\"'",
            "{'\\n': 1}['\\r']",
            "'\u{e9}\u{1f600}'",
            "\u{7f}",
        ],
        "",
    );
    for (number, line) in ended.stdout.lines().enumerate() {
        let object: serde_json::Value = serde_json::from_str(line).expect(line);
        assert_eq!(object["seq"], number);
        assert!(
            object["repr"].is_string() || object["error"]["message"].is_string(),
            "{line}"
        );
    }
    assert_eq!(ended.stdout.lines().count(), 4);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for arguments in [
        &["-j", "0", "1"][..],
        &["--timeout", "5", "1"],
        &["--threads", "0", "1"],
        &["--no-such-flag"],
        &["-D", "x", "1"],
    ] {
        let ended = run(arguments, "");
        ended.expect(2, "");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_bar_is_for_terminals() {
    let ended = run(["--bar", "1+1"], "");
    ended.expect(0, "2\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn logs_are_printed_on_request_and_only_on_standard_error() {
    let quiet = run(["1+1"], "");
    quiet.expect(0, "2\n");
    assert_eq!(quiet.stderr, "");
    run(["-vvv", "1+1"], "").expect(0, "2\n");
}
