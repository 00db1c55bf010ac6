//! Keywords, which cannot be names.
//!
//! Owns Python's list of keywords. Soft keywords (`match`, `case`, `type`, `_`) are names.

/// A keyword: one that the grammar of this language uses, or one of two groups of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    And,
    Else,
    False,
    For,
    If,
    In,
    Is,
    None,
    Not,
    Or,
    True,
    /// Valid in an expression of Python, but not in this language.
    Outside,
    /// A keyword of statements, invalid in an expression.
    Statement,
}

/// The keyword of a word, if it is one.
#[inline]
pub(crate) fn keyword(word: &[u8]) -> Option<Keyword> {
    if word.len() < 2 || word.len() > 8 {
        return None;
    }
    Some(match word {
        b"and" => Keyword::And,
        b"else" => Keyword::Else,
        b"False" => Keyword::False,
        b"for" => Keyword::For,
        b"if" => Keyword::If,
        b"in" => Keyword::In,
        b"is" => Keyword::Is,
        b"None" => Keyword::None,
        b"not" => Keyword::Not,
        b"or" => Keyword::Or,
        b"True" => Keyword::True,
        b"lambda" | b"await" | b"yield" | b"async" => Keyword::Outside,
        b"as" | b"assert" | b"break" | b"class" | b"continue" | b"def" | b"del" | b"elif" | b"except"
        | b"finally" | b"from" | b"global" | b"import" | b"nonlocal" | b"pass" | b"raise" | b"return"
        | b"try" | b"while" | b"with" => Keyword::Statement,
        _ => return None,
    })
}

/// Returns whether a word is a Python keyword.
pub(crate) fn is_keyword(word: &[u8]) -> bool {
    keyword(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_all_thirty_five() {
        let all = "False None True and as assert async await break class continue def del elif else except finally \
                   for from global if import in is lambda nonlocal not or pass raise return try while with yield";
        assert_eq!(
            all.split_whitespace()
                .filter(|word| is_keyword(word.as_bytes()))
                .count(),
            35
        );
        assert!(!is_keyword(b"match"));
        assert!(!is_keyword(b"_"));
        assert!(!is_keyword(b"IF"));
    }
}
