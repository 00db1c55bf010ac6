//! The modules of all crates: which file each is in, and where the paths in it lead.

use std::collections::BTreeMap;

use super::{
    Imports, Texts,
    source::{Path, Source},
};

/// The modules of all crates, each by its path with the crate's name in front.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// The file of each module, also of modules inside a file.
    files: BTreeMap<Path, String>,
    sources: BTreeMap<Path, Source>,
}

impl Modules {
    /// Reads the module in this file and all modules below it.
    pub(super) fn add(&mut self, texts: &Texts, file: &str, module: Path) {
        let source = Source::parse(&texts[file]);
        self.files.insert(module.clone(), file.to_owned());
        for inline in &source.inline {
            self.files.insert([&module[..], inline].concat(), file.to_owned());
        }
        let folder = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"]
            .into_iter()
            .find_map(|end| file.strip_suffix(end))
            .unwrap_or(file);
        for child in &source.files {
            let place = format!("{folder}/{}", child.join("/"));
            for file in [format!("{place}.rs"), format!("{place}/mod.rs")] {
                if texts.contains_key(&file) {
                    self.add(texts, &file, [&module[..], child].concat());
                }
            }
        }
        self.sources.insert(module, source);
    }

    /// What all modules import from each other.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports {
            files: self.files.values().cloned().collect(),
            ..Imports::default()
        };
        for (module, source) in &self.sources {
            let from = &self.files[module];
            for (inside, path) in &source.paths {
                if let Some((to, name)) = self.resolve(&[&module[..], inside].concat(), path)
                    && to != from
                {
                    imports.add(from, to, &name);
                }
            }
        }
        imports
    }

    /// The file that defines what a path names, and the name.
    fn resolve(&self, module: &[String], path: &[String]) -> Option<(&str, String)> {
        let head = path.first()?;
        let mut at = module.to_vec();
        match head.as_str() {
            "crate" => at.truncate(1),
            "self" | "super" => {}
            _ if self.files.contains_key(&[module, &path[..1]].concat()) => {}
            _ if *head != module[0] && self.files.contains_key(&path[..1]) => at.clear(),
            _ => return None,
        }
        let mut name = head;
        for (index, word) in path.iter().enumerate() {
            match word.as_str() {
                "crate" | "self" => continue,
                "super" => _ = at.pop(),
                _ => at.push(word.clone()),
            }
            name = word;
            if !self.files.contains_key(&at) {
                at.pop();
                // A name that the module itself imports is defined elsewhere.
                let origin = self.sources.get(&at).and_then(|source| source.bound.get(name));
                if let Some(origin) = origin.filter(|origin| *origin != path)
                    && let Some(found) = self.resolve(&at, &[origin, &path[index + 1..]].concat())
                {
                    return Some(found);
                }
                break;
            }
        }
        Some((self.files.get(&at)?, name.clone()))
    }
}
