//! The surroundings of expressions, and sources that are no expressions.

use super::Grammar;

const TOKENS: [&str; 84] = [
    "1", "0", "2.5", "x", "y", "s", "l", "d", "t", "big", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-",
    "*", "**", "/", "//", "%", "@", "<<", ">>", "&", "|", "^", "~", "<", ">", "<=", ">=", "==", "!=", "=",
    ":=", ".", "...", "and", "or", "not", "in", "is", "if", "else", "for", "lambda", "None", "True", "False",
    "await", "async", "yield", "'a'", "\"b\"", "'''c'''", "b'x'", "f'y'", "r'\\'", "u'z'", "len", "sum",
    "max", "sorted", "math.", "math.pi", "1j", "0x1f", "0777", "1_0", "1__0", "1e5", ".5", "5.", "\n",
    "\\\n", "#c", "!", "->", ";",
];

impl Grammar {
    /// Tokens in random order.
    pub(super) fn soup(&mut self) {
        for _ in 0..self.random.u32(1..12) {
            let token = self.pick(&TOKENS);
            if self.random.bool() {
                self.put(" ");
            }
            self.put(token);
        }
    }

    /// Adds what may precede and follow an expression.
    pub(super) fn surround(&mut self, source: &mut String) {
        let head = self.pick(&[
            "", " ", "\t ", "\n", "# c\n", "\r\n", "\\\n", "\u{c}", " \n", "\n\n",
        ]);
        let tail = self.pick(&[
            "", " ", "\n", " # é", "\n\n", "\r\n", "\n# c", "\\\n", "\t\n", ";",
        ]);
        *source = format!("{head}{source}{tail}");
    }

    /// Makes one change that may break the expression.
    pub(super) fn break_it(&mut self, source: &mut String) {
        let places: Vec<usize> = source
            .char_indices()
            .map(|(place, _)| place)
            .chain([source.len()])
            .collect();
        let place = places[self.random.usize(..places.len())];
        match self.random.u32(..5) {
            0 => {
                let token = self.pick(&TOKENS);
                source.insert_str(place, token);
            }
            1 => {
                let character = self.pick(&[
                    " ", "\n", "(", ")", "_", ".", "'", "\"", "\\", "0", "e", "j", "é", "\u{a0}", "$", "?",
                    "!", "\u{0}", "\u{1}", "\u{202e}", "０", "\u{feff}", "`", "=", ":", ",", "x", "L",
                ]);
                source.insert_str(place, character);
            }
            2 => {
                if let Some(end) = places.iter().find(|&&end| end > place) {
                    source.replace_range(place..*end, "");
                }
            }
            3 => source.truncate(place),
            _ => {
                let other = places[self.random.usize(..places.len())];
                let (start, end) = (place.min(other), place.max(other));
                let piece: String = source[start..end].chars().take(8).collect();
                source.insert_str(place, &piece);
            }
        }
    }
}
