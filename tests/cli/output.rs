//! What the command writes, where and when.

use std::io::{BufRead, BufReader, Write};

use crate::stage::{eval, finish, pool};

#[test]
fn failures_are_shown_with_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sums");
    std::fs::write(&file, "1\n2 + (3 / 0)\n").expect("written");
    let file = file.to_str().expect("a path in UTF-8");
    let ran = eval(&["-a", file], b"");
    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains(&format!("{file}:2:6")), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("2 + (3 / 0)") && ran.stderr.contains("     ^^^^^"),
        "{}",
        ran.stderr
    );
}

#[test]
fn carets_stand_under_wide_and_combining_characters() {
    let ran = eval(&["'\u{65e5}\u{672c}' + 1/0"], b"");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let source = lines
        .iter()
        .position(|line| line.contains("1/0"))
        .expect("the source is shown");
    let caret = lines[source + 1].find('^').expect("a caret");
    // Each of the two characters takes two columns of a terminal and three bytes.
    let before = &lines[source][..lines[source].find("1/0").expect("the place")];
    assert_eq!(caret, before.chars().count() + 2, "{}", ran.stderr);
}

#[test]
fn only_the_first_ten_failures_are_shown() {
    let ran = eval(&[], "1/0\n".repeat(30).as_bytes());
    assert_eq!(ran.lines().len(), 30);
    assert_eq!(
        ran.stderr.matches("division by zero").count(),
        10,
        "{}",
        ran.stderr
    );
}

#[test]
fn json_is_one_object_a_line() {
    let ran = eval(&["--json", "1+1", "1/0", "'a\"b'"], b"");
    assert_eq!(ran.code(), Some(1));
    let objects: Vec<serde_json::Value> = ran
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    assert_eq!(objects[0], serde_json::json!({"seq": 0, "ok": true, "repr": "2"}));
    assert_eq!(objects[1]["seq"], 1);
    assert_eq!(objects[1]["ok"], false);
    assert_eq!(objects[1]["error"]["kind"], "ZeroDivisionError");
    assert_eq!(objects[1]["error"]["column"], 1);
    assert_eq!(objects[2]["repr"], "'a\"b'");
}

#[test]
fn unordered_json_tells_which_is_which() {
    let lines: Vec<String> = (0..2000).map(|number| format!("{number}\n")).collect();
    let input = lines.concat();
    let ran = eval(&["--json", "-u", "-j", "2"], input.as_bytes());
    let mut seen: Vec<u64> = Vec::new();
    for line in ran.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("an object");
        let seq = object["seq"].as_u64().expect("a number");
        assert_eq!(object["repr"], seq.to_string());
        seen.push(seq);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..2000));
}

#[test]
fn a_result_appears_while_the_input_is_open() {
    let mut child = pool(&["eval", "-j", "2"]).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("its input");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    for number in 0..5 {
        writeln!(stdin, "{number} * 2").expect("written");
        let mut line = String::new();
        stdout
            .read_line(&mut line)
            .expect("a result, before the next line is there");
        assert_eq!(line, format!("{}\n", number * 2));
    }
    drop(stdin);
    assert_eq!(finish(child).code(), Some(0));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = pool(&["eval"]).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("its input");
    let feeding = std::thread::spawn(move || while stdin.write_all(b"1\n").is_ok() {});
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("one line");
    drop(stdout);
    let ran = finish(child);
    feeding.join().expect("the input is closed too");
    assert_eq!((line.as_str(), ran.stderr.as_str()), ("1\n", ""));
    assert_eq!(ran.code(), Some(0));
}
