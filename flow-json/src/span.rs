//! Where something stands in a file: byte ranges, and the lines and columns that people read.

/// A range of bytes in the file's text, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Of a file that [`check`](crate::check()) takes; beyond 4 GiB it stands still.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let offset = |byte| u32::try_from(byte).unwrap_or(u32::MAX);
        Self { start: offset(start), end: offset(end) }
    }

    /// The brace or bracket that opens a value: a mark that stays short.
    pub(crate) fn opening(self) -> Self {
        Self { start: self.start, end: self.start.saturating_add(1) }
    }
}

/// A line and a column, both counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Where the lines of a text begin. A file is often one line, so characters are counted by blocks.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// The characters before each block.
    characters: Vec<usize>,
}

const BLOCK: usize = 1024;

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let mut characters = vec![0];
        for block in text.as_bytes().chunks(BLOCK) {
            characters.push(characters.last().copied().unwrap_or(0) + count(block));
        }
        Self { text, starts: std::iter::once(0).chain(ends).collect(), characters }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let before = self.characters.get(block).copied().unwrap_or(0);
        before + self.text.as_bytes().get(block * BLOCK..offset).map_or(0, count)
    }

    pub(crate) fn position(&self, offset: u32) -> Position {
        let offset = (offset as usize).min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        Position { line, column }
    }

    /// The byte at which a line begins, counted from 1; the end of the text for a line after the last.
    pub(crate) fn start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len())
    }
}

/// Characters, by the bytes with which each begins.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "ab\nżó🐢x\n";
        let lines = Lines::new(text);
        let at = |word: &str| text.find(word).map(|byte| lines.position(byte as u32));
        assert_eq!(at("a"), Some(Position { line: 1, column: 1 }));
        assert_eq!(at("x"), Some(Position { line: 2, column: 4 }));
        assert_eq!(lines.position(text.len() as u32), Position { line: 3, column: 1 });
        assert_eq!(lines.position(u32::MAX), Position { line: 3, column: 1 });
        let long = format!("{}\n{}x", "ż".repeat(3000), "ż".repeat(3000));
        assert_eq!(Lines::new(&long).position(long.len() as u32 - 1), Position { line: 2, column: 3001 });
    }
}
