//! Which source file of the workspace imports which.
//!
//! Reads `mod` and `use` declarations, and paths like `crate::a::B` in the code, with a small parser. A name that a
//! module re-exports counts as imported from the file that defines it. Tests inside the files are left out. Invisible
//! here is what macros generate, and which type a method belongs to.

mod circles;
mod modules;
mod source;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use modules::Modules;
use tokens::{Token, tokens};

/// Source texts by their path from the root of the workspace.
pub type Texts = BTreeMap<String, String>;

/// Which file imports which other, and the names that it takes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Imports {
    files: BTreeSet<String>,
    arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// Reads the sources of all crates below `root`: the files `src/**/*.rs`.
///
/// # Errors
/// If a folder or a file cannot be read.
pub fn read(root: &Path) -> io::Result<Texts> {
    let mut texts = Texts::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let from_root = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "fuzz" {
                    folders.push(path);
                }
            } else if from_root.contains("src/") && name.ends_with(".rs") {
                texts.insert(from_root.into_owned(), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(texts)
}

/// The files in which a word stands, outside of comments and strings.
pub fn naming<'a>(texts: &'a Texts, word: &str) -> impl Iterator<Item = &'a str> {
    texts
        .iter()
        .filter(move |(_, text)| tokens(text).contains(&Token::Word(word)))
        .map(|(path, _)| path.as_str())
}

impl Imports {
    /// The imports between these sources. Each folder with a `src/lib.rs` or `src/main.rs` is a crate of that name.
    #[must_use]
    pub fn of(texts: &Texts) -> Self {
        let mut modules = Modules::default();
        for path in texts.keys() {
            for (root, prefix) in [("/src/lib.rs", ""), ("/src/main.rs", "main of ")] {
                if let Some(folder) = path.strip_suffix(root) {
                    let name = folder.rsplit('/').next().unwrap_or(folder);
                    modules.add(texts, path, vec![format!("{prefix}{name}")]);
                }
            }
        }
        modules.imports()
    }

    fn add(&mut self, from: &str, to: &str, name: &str) {
        let targets = self.arrows.entry(from.to_owned()).or_default();
        targets.entry(to.to_owned()).or_default().insert(name.to_owned());
    }

    /// All files that are part of a crate, without those for its tests.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// All imports: from which file, to which file, and the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<String>)> {
        self.arrows.iter().flat_map(|(from, targets)| {
            targets
                .iter()
                .map(move |(to, names)| (from.as_str(), to.as_str(), names))
        })
    }

    /// The circles: files that import each other, directly or through others; the largest first.
    ///
    /// What a file takes from the `mod.rs` or `lib.rs` of an enclosing folder does not count.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let files: Vec<&str> = self.files().collect();
        let index = |file| files.binary_search(&file).unwrap_or_default();
        let mut arrows = vec![Vec::new(); files.len()];
        for (from, to, _) in self.iter().filter(|(from, to, _)| !is_outer_module(to, from)) {
            arrows[index(from)].push(index(to));
        }
        circles::circles(&arrows)
            .into_iter()
            .map(|circle| circle.into_iter().map(|file| files[file]).collect())
            .collect()
    }
}

/// Whether `outer` is the file of a module that contains the module of the file `inner`.
fn is_outer_module(outer: &str, inner: &str) -> bool {
    ["mod.rs", "lib.rs", "main.rs"]
        .into_iter()
        .filter_map(|face| outer.strip_suffix(face))
        .any(|folder| folder.ends_with('/') && inner.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(texts: &[(&str, &str)]) -> Vec<String> {
        let texts: Texts = texts
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Imports::of(&texts)
            .iter()
            .map(|(from, to, names)| format!("{from} -> {to}: {names:?}"))
            .collect()
    }

    #[test]
    fn use_trees_and_paths_are_followed_to_definitions() {
        let found = imports(&[
            ("a/src/lib.rs", "mod b; pub mod c; pub use c::{d::{D, E as F}};"),
            (
                "a/src/b.rs",
                "use crate::{c::{self, d::*}, F}; fn b() -> super::D { c::f(c::d::g()) }",
            ),
            (
                "a/src/c/mod.rs",
                "mod d; pub(crate) mod inside { use super::super::b; } pub use std::fmt;",
            ),
            (
                "a/src/c/d.rs",
                "use super::inside::X; #[cfg(test)] mod tests { use crate::b::B; }",
            ),
            (
                "h/src/main.rs",
                "mod i; pub use a; use a::{F, c::f}; #[cfg(test)] use i::I; fn main() { a::c::fmt::x(); }",
            ),
            ("h/src/i.rs", "// use crate::main;\nuse crate::a::c::g;"),
        ]);
        assert_eq!(
            found,
            [
                r#"a/src/b.rs -> a/src/c/d.rs: {"*", "D", "E", "g"}"#,
                r#"a/src/b.rs -> a/src/c/mod.rs: {"c", "f"}"#,
                r#"a/src/c/d.rs -> a/src/c/mod.rs: {"X"}"#,
                r#"a/src/c/mod.rs -> a/src/b.rs: {"b"}"#,
                r#"a/src/lib.rs -> a/src/c/d.rs: {"D", "E"}"#,
                r#"h/src/i.rs -> a/src/c/mod.rs: {"g"}"#,
                r#"h/src/main.rs -> a/src/c/d.rs: {"E"}"#,
                r#"h/src/main.rs -> a/src/c/mod.rs: {"f", "fmt"}"#,
                r#"h/src/main.rs -> a/src/lib.rs: {"a"}"#,
            ]
        );
    }
}
