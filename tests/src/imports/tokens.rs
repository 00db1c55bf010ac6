//! The words and signs of a Rust source, without comments, strings and other literals.

/// A word (an identifier, a keyword or a number) or one character of punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A word.
    Word(&'a str),
    /// A sign.
    Sign(u8),
    /// `::`.
    PathSeparator,
}

/// Splits a source into tokens.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(&first) = rest.as_bytes().first() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => comment_length(rest),
            _ if string_length(rest).is_some() => string_length(rest).unwrap_or_default(),
            b'\'' => quote_length(rest),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {
                let word = &rest[..word_length(rest)];
                tokens.push(Token::Word(word));
                word.len()
            }
            _ if rest.starts_with("::") => {
                tokens.push(Token::PathSeparator);
                2
            }
            sign if sign.is_ascii_punctuation() => {
                tokens.push(Token::Sign(sign));
                1
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        rest = &rest[length..];
    }
    tokens
}

fn word_length(text: &str) -> usize {
    let is_part = |character: char| character == '_' || character.is_ascii_alphanumeric();
    text.find(|character| !is_part(character)).unwrap_or(text.len())
}

/// The length of a block comment, which may contain others.
fn comment_length(text: &str) -> usize {
    let (mut depth, mut index) = (0, 0);
    while index < text.len() {
        let here = &text.as_bytes()[index..];
        match here {
            [b'/', b'*', ..] => depth += 1,
            [b'*', b'/', ..] => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            break;
        }
    }
    index.min(text.len())
}

/// The length of a string literal of any kind, if the text starts with one.
fn string_length(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""]
        .into_iter()
        .find(|prefix| text.starts_with(prefix) && text[prefix.len()..].starts_with(['"', '#']))?;
    let behind_prefix = &text[prefix.len()..];
    let hashes = behind_prefix.len() - behind_prefix.trim_start_matches('#').len();
    let body = behind_prefix[hashes..].strip_prefix('"')?;
    let start = text.len() - body.len();
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(start + body.find(&end).map_or(body.len(), |at| at + end.len()));
    }
    (hashes == 0).then(|| start + escaped_length(body, b'"'))
}

/// The length of a character literal or a lifetime.
fn quote_length(text: &str) -> usize {
    let mut characters = text[1..].chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => 1 + escaped_length(&text[1..], b'\''),
        (Some(character), Some('\'')) => 2 + character.len_utf8(),
        _ => 1 + word_length(&text[1..]),
    }
}

/// The length up to and including an end that is not behind a backslash.
fn escaped_length(text: &str, end: u8) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            _ if byte == end => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_are_left_out() {
        let source = r##"a /* b /* c */ " */ "d \" // e" 'f' '\'' b"g" r#"h " i"# j::<'k> // l
            '"' br"\" m"##;
        let words: Vec<&str> = tokens(source)
            .into_iter()
            .filter_map(|token| match token {
                Token::Word(word) => Some(word),
                _ => None,
            })
            .collect();
        assert_eq!(words, ["a", "j", "m"]);
    }
}
