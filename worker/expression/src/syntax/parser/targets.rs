//! The targets of a loop: names to bind, and brackets of names to unpack into.
//!
//! Owns their syntax up to the `in` after them. `comprehension` places their code.

use super::Parser;
use crate::error::{Result, syntax_error, unsupported};
use crate::machine::program::{Op, Span, small};
use crate::syntax::keyword::{Keyword, keyword};
use crate::syntax::scan::is_name_byte;

/// The targets of one loop.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The code that unpacks and binds, in the order of the source.
    pub(super) code: Vec<(Op, Span)>,
    /// The bound names.
    pub(super) variables: Vec<u32>,
    /// The open brackets, and the whole list of targets.
    groups: Vec<Group>,
    /// The end of the last target or comma.
    end: u32,
}

/// A bracket of targets.
#[derive(Debug)]
struct Group {
    /// The index of its `Unpack`.
    place: usize,
    count: u32,
    /// Whether it is a list, which unpacks even a single target.
    is_list: bool,
    after_comma: bool,
}

impl Targets {
    fn open(&mut self, start: u32, is_list: bool) {
        self.groups.push(Group {
            place: self.code.len(),
            count: 0,
            is_list,
            after_comma: false,
        });
        self.code.push((Op::Unpack(0), Span { start, end: start }));
    }

    /// Sets the number of targets of a group. A single target in parentheses isn't unpacked.
    fn finish(&mut self, group: &Group) {
        if group.count == 1 && !group.after_comma && !group.is_list {
            self.code.remove(group.place);
        } else if let Some((op, span)) = self.code.get_mut(group.place) {
            *op = Op::Unpack(group.count);
            span.end = self.end;
        }
    }

    fn expects_target(&self) -> bool {
        self.groups
            .last()
            .is_some_and(|group| group.count == 0 || group.after_comma)
    }

    /// Counts a finished target.
    fn count(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            group.count += 1;
            group.after_comma = false;
        }
    }
}

impl Parser<'_> {
    /// Parses the targets of a loop and the `in` after them.
    pub(super) fn targets(&mut self) -> Result<Targets> {
        let mut targets = Targets::default();
        self.scanner.token_start()?;
        targets.open(self.offset(), false);
        while !self.target(&mut targets)? {}
        Ok(targets)
    }

    /// Parses one token. Returns whether it is the `in` at the end.
    fn target(&mut self, targets: &mut Targets) -> Result<bool> {
        let Some(byte) = self.scanner.token_start()? else {
            return Err(self.invalid());
        };
        let offset = self.offset();
        match byte {
            b'(' | b'[' if targets.expects_target() => {
                self.scanner.position += 1;
                self.scanner.brackets += 1;
                self.deepen(offset)?;
                targets.open(offset, byte == b'[');
            }
            b')' | b']' if targets.groups.len() > 1 => self.close_targets(targets, byte)?,
            b',' if !targets.expects_target() => {
                self.scanner.position += 1;
                targets.end = self.offset();
                if let Some(group) = targets.groups.last_mut() {
                    group.after_comma = true;
                }
            }
            b'*' if targets.expects_target() => {
                return Err(unsupported("starred targets").at(offset, offset + 1));
            }
            b'.' | b'[' => return Err(unsupported("loops over anything but names").at(offset, offset + 1)),
            _ if is_name_byte(byte) && !byte.is_ascii_digit() => return self.target_word(targets),
            _ => return Err(self.invalid()),
        }
        Ok(false)
    }

    fn close_targets(&mut self, targets: &mut Targets, byte: u8) -> Result<()> {
        let Some(group) = targets.groups.pop() else {
            return Err(self.invalid());
        };
        if group.is_list != (byte == b']') {
            return Err(self.invalid());
        }
        self.scanner.position += 1;
        self.scanner.brackets -= 1;
        self.depth -= 1;
        targets.end = self.offset();
        targets.finish(&group);
        targets.count();
        Ok(())
    }

    /// Parses a name to bind, or the `in` at the end.
    fn target_word(&mut self, targets: &mut Targets) -> Result<bool> {
        let start = self.scanner.position;
        let word = self.scanner.word();
        let (from, to) = (small(start), self.offset());
        let invalid = || syntax_error("invalid syntax").at(from, to);
        if keyword(word) == Some(Keyword::In) {
            return match targets.groups.pop() {
                Some(group) if targets.groups.is_empty() && group.count > 0 => {
                    targets.finish(&group);
                    Ok(true)
                }
                _ => Err(invalid()),
            };
        }
        if !targets.expects_target() || keyword(word).is_some() || word == b"__debug__" {
            return Err(invalid());
        }
        let symbol = self.program.symbol(self.scanner.source, start, to as usize);
        if word == b"math" || self.program.symbols[symbol as usize].function.is_some() {
            let word = String::from_utf8_lossy(word).into_owned();
            return Err(
                unsupported(format!("a loop over {word}, which is a name of the language")).at(from, to),
            );
        }
        targets
            .code
            .push((Op::Store(symbol), Span { start: from, end: to }));
        targets.variables.push(symbol);
        targets.end = to;
        targets.count();
        Ok(false)
    }
}
