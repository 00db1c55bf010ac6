//! The name under which the system lists a child (`top`, `ps -e`, `pgrep`).
//!
//! A child is started through a link to its parent's file, and the system would show the link's name instead of the program's.
//! Owns setting that name, and nothing else of a process's identity.

use std::{
    ffi::{CString, OsStr},
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// Makes the system list this process under the name of its program. Must be called in the first thread.
pub fn take_program_name() {
    if let Some(name) = std::env::args_os().next().and_then(|path| file_name(&path)) {
        // If this fails, the process works all the same.
        let _named = rustix::thread::set_name(&name);
    }
}

/// Returns the last component of a path. The system cuts it to 15 bytes.
fn file_name(path: &OsStr) -> Option<CString> {
    let name = Path::new(path).file_name()?;
    CString::new(name.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_last_component_of_the_path() {
        let name = |path: &str| file_name(OsStr::new(path)).map(|name| name.into_string().unwrap());
        assert_eq!(name("/usr/bin/pool").as_deref(), Some("pool"));
        assert_eq!(name("pool").as_deref(), Some("pool"));
        assert_eq!(name(""), None);
        assert_eq!(name(".."), None);
    }
}
