//! Where expressions come from, and how input is split.

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt};

use crate::command::run;

#[test]
fn lines_come_from_stdin_when_nothing_else_is_named() {
    run([] as [&str; 0], "1+1\n2+2\r\n3+3").expect(0, "2\n4\n6\n");
}

#[test]
fn an_empty_input_gives_an_empty_output() {
    run([] as [&str; 0], "").expect(0, "");
    run(["-0"], "").expect(0, "");
    run(["--skip-blank"], "\n \n\t\n").expect(0, "");
}

#[test]
fn arguments_come_before_files_and_files_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    fs::write(&first, "1\n2").unwrap();
    fs::write(&second, "4\n").unwrap();
    let [first, second] = [first, second].map(|path| path.to_str().unwrap().to_owned());
    run(["0", "-a", &first, "-a", "-", "-a", &second], "3\n").expect(0, "0\n1\n2\n3\n4\n");
}

#[test]
fn a_blank_line_is_an_error_unless_skipped() {
    let ended = run([] as [&str; 0], "1\n\n2\n");
    assert_eq!(ended.code, Some(1));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines[0] == "1" && lines[1].starts_with("SyntaxError: ") && lines[2] == "2",
        "{lines:?}"
    );
    let skipped = run(["--skip-blank"], "1\n\n \r\n1/0\n");
    skipped.expect(1, "1\nZeroDivisionError: division by zero\n");
    skipped.expect_stderr("<stdin>:4:1");
}

#[test]
fn records_end_with_nul_when_asked() {
    let ended = run(["-0"], "1+1\0(1,\n2)\0[\n1/0]");
    ended.expect(1, "2\n(1, 2)\nZeroDivisionError: division by zero\n");
    ended.expect_stderr("<stdin>, record 3:2:1");
}

#[test]
fn bytes_that_are_no_text_are_mistakes_with_a_place() {
    let ended = run([] as [&str; 0], b"1+\xff\n2+\x002\n'\xc3\xa9'\n".to_vec());
    assert_eq!(ended.code, Some(1));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines[0].starts_with("SyntaxError: ") && lines[1].starts_with("SyntaxError: "),
        "{lines:?}"
    );
    assert_eq!(lines[2..], ["'é'"]);
    ended.expect_stderr("<stdin>:1:3");
    ended.expect_stderr("<stdin>:2:3");
}

#[test]
fn an_argument_may_be_any_bytes() {
    let ended = run([OsString::from_vec(b"1+\xff".to_vec())], "");
    assert!(
        ended.code == Some(1) && ended.stdout.starts_with("SyntaxError: "),
        "{ended:?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder_name = folder.path().to_str().unwrap();
    let ended = run(
        ["1+1", "-a", "/no/such/file", "-a", folder_name, "-a", "-"],
        "2+2\n",
    );
    ended.expect(1, "2\n4\n");
    ended.expect_stderr("cannot read /no/such/file: No such file or directory");
    ended.expect_stderr(&format!("cannot read {folder_name}: Is a directory"));
}

#[test]
fn a_byte_order_mark_at_the_start_of_an_input_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    fs::write(&first, b"\xef\xbb\xbf1+1\r\n2*3\r\n\"a\"\r\n").unwrap();
    fs::write(&second, b"\xef\xbb\xbf").unwrap();
    let [first, second] = [first, second].map(|path| path.to_str().unwrap().to_owned());
    let mark = b"\xef\xbb\xbf1/0\n".to_vec();
    let ended = run(["-a", &first, "-a", &second, "-a", "-"], mark);
    ended.expect(1, "2\n6\n'a'\nZeroDivisionError: division by zero\n");
    ended.expect_stderr("<stdin>:1:1");
    run(["-0"], b"\xef\xbb\xbf(1,\n2)\0".to_vec()).expect(0, "(1, 2)\n");
    // Only one, and only at the start.
    let ended = run(
        [] as [&str; 0],
        b"\xef\xbb\xbf\xef\xbb\xbf1\n2\n\xef\xbb\xbf3\n".to_vec(),
    );
    let starts: Vec<bool> = ended
        .stdout
        .lines()
        .map(|line| line.starts_with("SyntaxError"))
        .collect();
    assert_eq!(starts, [true, false, true], "{ended:?}");
}

#[test]
fn utf_16_is_named_once_with_the_way_out_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let text = "1+1\r\n2*3\r\n";
    let [little, big] = [u16::to_le_bytes, u16::to_be_bytes].map(|bytes| {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(bytes).collect::<Vec<u8>>()
    });
    for utf_16 in [little, big] {
        let path = folder.path().join("file");
        fs::write(&path, &utf_16).unwrap();
        let path = path.to_str().unwrap();
        let ended = run(["-a", path, "7"], "");
        ended.expect(1, "7\n");
        let why = format!(
            "pool: cannot read {path}: it is UTF-16 and not UTF-8; convert it with `iconv -f UTF-16 -t UTF-8`\n"
        );
        assert_eq!(ended.stderr, why);
        let ended = run([] as [&str; 0], utf_16);
        ended.expect(1, "");
        ended.expect_stderr("cannot read <stdin>: it is UTF-16");
    }
}
