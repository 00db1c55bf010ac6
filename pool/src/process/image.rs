//! The file from which this program's own code was loaded, and its addresses in memory.
//!
//! Read once from `/proc/self/maps`: no other source is right if the file was replaced, deleted, or started through a
//! loader. This file does not know what a function is.

use std::{ops::Range, path::PathBuf, sync::OnceLock};

use super::call::ImageIdentity;

/// The file that contains a given address, as it is loaded here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) identity: ImageIdentity,
    pub(crate) path: PathBuf,
    /// The addresses of its readable parts.
    ranges: Vec<Range<usize>>,
}

impl Image {
    /// The file that contains `anchor`, which is the same address in each call.
    pub(crate) fn own(anchor: usize) -> Result<&'static Self, String> {
        static OWN: OnceLock<Image> = OnceLock::new();
        if let Some(own) = OWN.get() {
            return Ok(own);
        }
        let maps = std::fs::read_to_string("/proc/self/maps")
            .map_err(|error| format!("/proc/self/maps cannot be read: {error}; is /proc mounted?"))?;
        let own = Self::find(&maps, anchor)
            .ok_or("/proc/self/maps does not show which file the program was loaded from")?;
        Ok(OWN.get_or_init(|| own))
    }

    /// Whether it contains `bytes` readable bytes at `address`, in one piece.
    pub(crate) fn holds(&self, address: usize, bytes: usize) -> bool {
        let is_within = |range: &Range<usize>| range.contains(&address) && bytes <= range.end - address;
        self.ranges.iter().any(is_within)
    }

    fn find(maps: &str, address: usize) -> Option<Self> {
        let mappings: Vec<Mapping<'_>> = maps.lines().filter_map(Mapping::parse).collect();
        let holder = mappings.iter().find(|mapping| mapping.range.contains(&address))?;
        let same = mappings.iter().filter(|other| other.identity == holder.identity);
        let readable = same.filter(|mapping| mapping.is_readable);
        Some(Self {
            identity: holder.identity,
            path: holder.path.into(),
            ranges: readable.map(|mapping| mapping.range.clone()).collect(),
        })
    }
}

/// One line of `/proc/self/maps` that belongs to a file.
struct Mapping<'a> {
    range: Range<usize>,
    is_readable: bool,
    identity: ImageIdentity,
    path: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let permissions = fields.next()?;
        let _file_position = fields.next()?;
        let (major, minor) = fields.next()?.split_once(':')?;
        let inode = fields.next()?.parse().ok().filter(|inode| *inode != 0)?;
        let hexadecimal = |text| usize::from_str_radix(text, 16).ok();
        let number = |text| u32::from_str_radix(text, 16).ok();
        Some(Self {
            range: hexadecimal(start)?..hexadecimal(end)?,
            is_readable: permissions.starts_with('r'),
            identity: ImageIdentity {
                device: (number(major)?, number(minor)?),
                inode,
            },
            path: fields.next().unwrap_or_default().trim_start(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c0a00000-55d0c0a10000 r--p 00000000 fe:01 1234                       /home/a program
55d0c0a10000-55d0c0a40000 ---p 00010000 fe:01 1234                       /home/a program
55d0c0a40000-55d0c0a50000 rw-p 00040000 fe:01 1234                       /home/a program
55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000010000 r-xp 00000000 fe:01 99                         /lib/other.so
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
";

    #[test]
    fn the_file_that_holds_an_address_is_found_with_all_that_can_be_read_of_it() {
        let image = Image::find(MAPS, 0x55d0_c0a4_0010).unwrap();
        assert_eq!(image.identity.inode, 1234);
        assert_eq!(image.identity.device, (0xfe, 1));
        assert_eq!(image.path, PathBuf::from("/home/a program"));
        assert!(image.holds(0x55d0_c0a0_0000, 0x10000));
        assert!(!image.holds(0x55d0_c0a0_0000, 0x10001), "past the end");
        assert!(!image.holds(0x55d0_c0a1_0000, 1), "not readable");
        assert!(!image.holds(0x7f00_0000_0000, 1), "another file");
    }

    #[test]
    fn memory_without_a_file_belongs_to_no_image() {
        for address in [0x55d0_c100_0000, 0x7ffd_0000_0000, 0x10] {
            assert_eq!(Image::find(MAPS, address), None);
        }
        assert_eq!(Image::find("nonsense\n\n-- -- --", 0), None);
    }
}
