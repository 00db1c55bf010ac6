//! Failures on standard error.

use crate::command::run;

#[test]
fn a_caret_stands_under_the_part_that_failed() {
    let ended = run([] as [&str; 0], "1\n(1 + 1) / (2 - 2)\n'日本' + 2/0\n");
    ended.expect_stderr(
        "error: ZeroDivisionError: division by zero\n --> <stdin>:2:1\n  |\n2 | (1 + 1) / (2 - 2)\n  | ^^^^^^^^^^^^^^^^^\n",
    );
    // Two wide characters take four places and count as two.
    ended.expect_stderr(" --> <stdin>:3:8\n  |\n3 | '日本' + 2/0\n  |          ^^^\n");
}

/// A source line as a terminal shows it, and the caret under it, both without the line's number.
fn shown(source: &str) -> (String, String) {
    let ended = run([] as [&str; 0], format!("{source}\n"));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let behind = |index: usize| lines[index].chars().skip(4).collect::<String>();
    (behind(3), behind(4))
}

#[test]
fn carets_stand_under_what_is_seen_and_not_under_what_is_counted() {
    for (source, seen, carets) in [
        // Wide characters take two places, whatever script they are of.
        ("'한글' + 1/0", "'한글' + 1/0", "         ^^^"),
        ("'ＡＢ' + 1/0", "'ＡＢ' + 1/0", "         ^^^"),
        ("'👍' + 1/0", "'👍' + 1/0", "       ^^^"),
        // Combining characters and those of no width take none.
        (
            "'e\u{301}\u{301}x' + 1/0",
            "'e\u{301}\u{301}x' + 1/0",
            "       ^^^",
        ),
        ("'\u{200b}' + 1/0", "'\u{200b}' + 1/0", "     ^^^"),
        // A tab is as wide as it is shown.
        ("\t(1)/0", "    (1)/0", "    ^^^^^"),
        ("(1\t+ 2)/\t0", "(1    + 2)/    0", "^^^^^^^^^^^^^^^^"),
        // Controls are shown as characters that control nothing.
        ("'\u{202e}' + 1/0", "'\u{fffd}' + 1/0", "      ^^^"),
        ("'\u{1b}[31m' + 1/0", "'\u{241b}[31m' + 1/0", "          ^^^"),
        ("1 + \u{202e}2", "1 + \u{fffd}2", "    ^"),
        ("1 +\u{0}2", "1 +\u{2400}2", "   ^"),
        ("\u{430} + 1", "\u{430} + 1", "^"),
    ] {
        assert_eq!(shown(source), (seen.to_owned(), carets.to_owned()), "{source:?}");
    }
}

#[test]
fn the_first_ten_failures_are_shown_and_the_others_counted() {
    let ended = run([] as [&str; 0], "1/0\n".repeat(12) + "1\n");
    assert_eq!(
        ended
            .stdout
            .lines()
            .filter(|line| line.starts_with("ZeroDivisionError"))
            .count(),
        12
    );
    assert_eq!(ended.stderr.matches("error: ").count(), 10);
    ended.expect_stderr("12 of 13 jobs failed; the last 2 are not shown here");
}

#[test]
fn a_failure_in_a_file_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.txt");
    std::fs::write(&path, "1\n2 +\n").unwrap();
    let path = path.to_str().unwrap();
    let ended = run(["-a", path], "");
    assert_eq!(ended.code, Some(1));
    ended.expect_stderr(&format!("{path}:2:4"));
}

#[test]
fn a_failure_in_an_argument_names_its_number() {
    run(["1", "x"], "").expect_stderr("<argument 2>:1:1");
}

#[test]
fn a_file_that_was_taken_for_an_expression_is_pointed_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("orders.txt");
    std::fs::write(&file, "1 + 1\n").expect("a file");
    let name = file.to_str().expect("text");
    let ended = run([name, "nobody"], "");
    ended.expect_stderr(&format!(
        "`{name}` is the name of a file: `-a {name}` evaluates its lines"
    ));
    assert_eq!(
        ended.stderr.matches("is the name of a file").count(),
        1,
        "{}",
        ended.stderr
    );
}
