//! The sources of expressions: arguments, files and standard input, in this order.
//!
//! Owns opening them and finding their sizes; [`crate::reader`] reads them.

use std::{
    ffi::OsString,
    fs::{File, Metadata},
    io::{self, stdin},
    os::{fd::AsFd, unix::ffi::OsStringExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    chunk::Origin,
    stdio::{self, Stream},
};

/// One input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An expression from the command line, with its number.
    Argument(usize, Vec<u8>),
    /// A file.
    File(Arc<PathBuf>),
    /// Standard input.
    Stdin,
}

/// All inputs in order.
pub(crate) fn sources(expressions: Vec<OsString>, files: Vec<PathBuf>) -> Vec<Source> {
    if expressions.is_empty() && files.is_empty() {
        return vec![Source::Stdin];
    }
    let expressions = expressions.into_iter().map(OsString::into_vec);
    let arguments = (1..)
        .zip(expressions)
        .map(|(number, text)| Source::Argument(number, text));
    let files = files.into_iter().map(|path| {
        if path == Path::new("-") {
            Source::Stdin
        } else {
            Source::File(Arc::new(path))
        }
    });
    arguments.chain(files).collect()
}

/// The total size of all inputs in bytes, if all sizes are known.
pub(crate) fn total_bytes(sources: &[Source]) -> Option<u64> {
    sources.iter().map(Source::bytes).sum()
}

impl Source {
    fn bytes(&self) -> Option<u64> {
        let metadata = match self {
            Self::Argument(_, text) => return Some(text.len() as u64),
            Self::File(path) => path.metadata(),
            Self::Stdin => open_stdin().and_then(|file| file.metadata()),
        };
        metadata.ok().filter(Metadata::is_file).map(|found| found.len())
    }

    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Argument(number, _) => Origin::Argument(*number),
            Self::File(path) => Origin::File(Arc::clone(path)),
            Self::Stdin => Origin::Stdin,
        }
    }
}

/// Opens standard input without a buffer.
pub(crate) fn open_stdin() -> io::Result<File> {
    if stdio::was_closed(Stream::Input) {
        return Err(rustix::io::Errno::BADF.into());
    }
    stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_first_and_stdin_only_if_named_or_alone() {
        assert_eq!(sources(vec![], vec![]), [Source::Stdin]);
        let all = sources(vec!["1".into()], vec!["x".into(), "-".into()]);
        let file = Source::File(Arc::new("x".into()));
        assert_eq!(all, [Source::Argument(1, b"1".to_vec()), file, Source::Stdin]);
    }

    #[test]
    fn the_total_is_known_if_all_sizes_are() {
        let argument = || Source::Argument(1, b"1+1".to_vec());
        assert_eq!(total_bytes(&[argument(), argument()]), Some(6));
        let missing = Source::File(Arc::new("/no/such/file".into()));
        assert_eq!(total_bytes(&[argument(), missing]), None);
    }
}
