//! What one source file declares and names: its modules and the paths in it.
//!
//! A small parser of `use` trees and of paths like `crate::a::b`. It skips whatever is compiled for tests or for the
//! documentation only.

use std::collections::BTreeMap;

use super::tokens::{Token, tokens};

/// A path as it is written, such as `["super", "roster", "Roster"]`.
pub(super) type Path = Vec<String>;

/// What a source file declares and names.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Modules in other files, as paths below this one.
    pub(super) files: Vec<Path>,
    /// Modules in this file, as paths below it.
    pub(super) inline: Vec<Path>,
    /// The paths that are named, each with the inline module in which it stands.
    pub(super) paths: Vec<(Path, Path)>,
    /// The names that `use` binds, with their paths.
    pub(super) bound: BTreeMap<String, Path>,
}

impl Source {
    pub(super) fn parse(text: &str) -> Self {
        let tokens = tokens(text);
        let mut parser = Parser {
            tokens: &tokens,
            source: Self::default(),
            modules: Vec::new(),
            depth: 0,
        };
        while !parser.tokens.is_empty() {
            parser.item();
        }
        parser.source
    }
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    source: Source,
    /// The inline modules that are open, each with the depth of its braces.
    modules: Vec<(String, usize)>,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Takes the next thing of interest, or one token.
    fn item(&mut self) {
        use Token::{PathSeparator, Sign, Word};
        match *self.tokens {
            [Sign(b'#'), Sign(b'!'), Sign(b'['), ..] => {
                if is_left_out(self.bracketed(2)) {
                    self.tokens = &[];
                }
            }
            [Sign(b'#'), Sign(b'['), ..] => {
                if is_left_out(self.bracketed(1)) {
                    self.skip_item();
                }
            }
            [Word("pub"), Sign(b'('), ..] => {
                self.bracketed(1);
            }
            [Word("use"), ..] => {
                self.advance(1);
                self.use_tree(&[]);
            }
            [Word("mod"), Word(name), Sign(b';'), ..] => {
                self.advance(3);
                let path = self.inline_path(name);
                self.source.files.push(path);
            }
            [Word("mod"), Word(name), Sign(b'{'), ..] => {
                self.advance(2);
                let path = self.inline_path(name);
                self.source.inline.push(path);
                self.modules.push((name.to_owned(), self.depth));
            }
            [Word(head), PathSeparator, ..] => self.path(head),
            // The rest of `<T as Trait>::name` and the like.
            [PathSeparator, Word(_), ..] => self.advance(2),
            [token, ..] => {
                self.track_braces(token);
                self.advance(1);
            }
            [] => {}
        }
    }

    fn advance(&mut self, count: usize) {
        self.tokens = &self.tokens[count..];
    }

    fn inline_path(&self, name: &str) -> Path {
        let outer = self.modules.iter().map(|(name, _)| name.clone());
        outer.chain([name.to_owned()]).collect()
    }

    fn track_braces(&mut self, token: Token<'_>) {
        match token {
            Token::Sign(b'{') => self.depth += 1,
            Token::Sign(b'}') => {
                self.depth = self.depth.saturating_sub(1);
                self.modules.pop_if(|(_, depth)| *depth == self.depth);
            }
            _ => {}
        }
    }

    /// Takes the tokens up to the end of the bracket that opens at `start`, and returns them.
    fn bracketed(&mut self, start: usize) -> &'a [Token<'a>] {
        let mut depth = 0;
        let end = self.tokens[start..].iter().position(|token| {
            match token {
                Token::Sign(b'[' | b'(' | b'{') => depth += 1,
                Token::Sign(b']' | b')' | b'}') => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let (taken, rest) = self
            .tokens
            .split_at(end.map_or(self.tokens.len(), |end| start + end + 1));
        self.tokens = rest;
        taken
    }

    /// Skips an item, to its semicolon or closing brace.
    fn skip_item(&mut self) {
        while let Some(token) = self.tokens.first() {
            match token {
                Token::Sign(b';' | b',') => return self.advance(1),
                Token::Sign(b'{') => {
                    self.bracketed(0);
                    return;
                }
                Token::Sign(b'(' | b'[') => {
                    self.bracketed(0);
                }
                Token::Word("use") => {
                    let end = self.tokens.iter().position(|token| *token == Token::Sign(b';'));
                    return self.advance(end.map_or(self.tokens.len(), |end| end + 1));
                }
                _ => self.advance(1),
            }
        }
    }

    /// Takes one tree of a `use`, behind `prefix`.
    fn use_tree(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        loop {
            match *self.tokens {
                [Token::Sign(b'{'), ..] => {
                    self.advance(1);
                    while !matches!(self.tokens, [] | [Token::Sign(b'}'), ..]) {
                        self.use_tree(&path);
                        if !matches!(self.tokens, [] | [Token::Sign(b'}'), ..]) {
                            self.advance(1);
                        }
                    }
                    return self.advance(self.tokens.len().min(1));
                }
                [Token::Word("as"), Token::Word(name), ..] => {
                    self.advance(2);
                    self.source.bound.insert(name.to_owned(), path.clone());
                }
                [Token::Word(word), ..] => {
                    self.advance(1);
                    path.push(word.to_owned());
                }
                [Token::PathSeparator, ..] => self.advance(1),
                [Token::Sign(b'*'), ..] => {
                    self.advance(1);
                    path.push("*".to_owned());
                }
                _ => break,
            }
        }
        if path.len() > 1 {
            path.pop_if(|last| last == "self");
        }
        if let Some(name) = path.last() {
            self.source
                .bound
                .entry(name.clone())
                .or_insert_with(|| path.clone());
        }
        self.add(path);
    }

    /// Takes a path like `crate::a::b` or `a::b`.
    fn path(&mut self, head: &str) {
        let mut path = self
            .source
            .bound
            .get(head)
            .cloned()
            .unwrap_or_else(|| vec![head.to_owned()]);
        self.advance(1);
        while let [Token::PathSeparator, Token::Word(word), ..] = *self.tokens {
            self.advance(2);
            path.push(word.to_owned());
        }
        self.add(path);
    }

    fn add(&mut self, path: Path) {
        let inside = self.modules.iter().map(|(name, _)| name.clone()).collect();
        self.source.paths.push((inside, path));
    }
}

/// Whether an attribute leaves its item out of the program itself.
fn is_left_out(attribute: &[Token<'_>]) -> bool {
    let has = |word| attribute.contains(&Token::Word(word));
    has("cfg") && !has("not") && (has("test") || has("doc"))
}
