//! Prints the import circles of the workspace: files that import each other, directly or through others.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::{env, io, path::PathBuf};

use tests::imports::{self, Imports};

fn main() -> io::Result<()> {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let root = env::args().nth(1).unwrap_or_else(|| workspace.to_owned());
    let imports = Imports::of(&imports::read(&PathBuf::from(root))?);
    for circle in imports.circles() {
        println!("a circle of {} files:", circle.len());
        for (from, to, names) in imports.iter() {
            if circle.contains(&from) && circle.contains(&to) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                println!("  {from} -> {to}: {}", names.join(", "));
            }
        }
    }
    Ok(())
}
