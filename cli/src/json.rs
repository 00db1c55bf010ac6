//! Results as lines of JSON.

use std::io::Write;

use crate::{diagnostics, failure::Failure};

/// Appends the line of a value.
pub(crate) fn append_value(line: &mut Vec<u8>, number: u64, value: &str) {
    append(line, format_args!("{{\"seq\":{number},\"ok\":true,\"repr\":"));
    append_string(line, value);
    line.extend_from_slice(b"}\n");
}

/// Appends the line of a failure of the expression `source`.
pub(crate) fn append_failure(line: &mut Vec<u8>, number: u64, failure: &Failure, source: &[u8]) {
    append(
        line,
        format_args!("{{\"seq\":{number},\"ok\":false,\"error\":{{\"kind\":"),
    );
    append_string(line, &failure.kind);
    line.extend_from_slice(b",\"message\":");
    append_string(line, failure.details.as_ref().unwrap_or(&failure.message));
    match &failure.span {
        Some(span) => append(
            line,
            format_args!(",\"column\":{}", diagnostics::column(source, span.start)),
        ),
        None => line.extend_from_slice(b",\"column\":null"),
    }
    line.extend_from_slice(b"}}\n");
}

fn append(line: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("writing to memory succeeds");
}

fn append_string(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string can be JSON");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_objects() {
        let mut lines = Vec::new();
        append_value(&mut lines, 0, "'\"\\é\n'");
        let mut failure = Failure {
            kind: "NameError".into(),
            message: "no\n".to_owned(),
            details: None,
            span: Some(4..5),
        };
        append_failure(&mut lines, 1, &failure, "'é'+x".as_bytes());
        failure.span = None;
        append_failure(&mut lines, 2, &failure, b"");
        let expected = "{\"seq\":0,\"ok\":true,\"repr\":\"'\\\"\\\\é\\n'\"}\n\
            {\"seq\":1,\"ok\":false,\"error\":{\"kind\":\"NameError\",\"message\":\"no\\n\",\"column\":4}}\n\
            {\"seq\":2,\"ok\":false,\"error\":{\"kind\":\"NameError\",\"message\":\"no\\n\",\"column\":null}}\n";
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
    }
}
