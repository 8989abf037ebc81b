//! The pages of this project as people read them: what they tell to paste is run.

use std::fs;
use std::path::Path;

/// A page.
pub struct Page {
    text: String,
}

impl Page {
    /// Opens the page at `path`, relative to the root of the checkout.
    #[must_use]
    pub fn open(path: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
        Self { text }
    }

    /// The first fenced block of JSON under a heading.
    pub fn json(&self, heading: &str) -> String {
        let section = self
            .text
            .split_once(&format!("\n{heading}\n"))
            .expect("the page has the heading")
            .1;
        let block = section.split_once("```json\n").expect("a block of JSON").1;
        block.split_once("```").expect("its end").0.to_owned()
    }

    /// The indented blocks under a heading, up to the next one, in order.
    pub fn blocks(&self, heading: &str) -> Vec<String> {
        let mut lines = self.text.lines().skip_while(|line| *line != heading);
        assert_eq!(lines.next(), Some(heading), "the page has no such heading");
        let mut blocks = vec![String::new()];
        for line in lines.take_while(|line| !line.starts_with('#')) {
            match line.strip_prefix("    ") {
                Some(code) => blocks.last_mut().expect("a block").push_str(&format!("{code}\n")),
                None if !blocks.last().expect("a block").is_empty() => blocks.push(String::new()),
                None => {}
            }
        }
        blocks.retain(|block| !block.is_empty());
        blocks
    }
}
