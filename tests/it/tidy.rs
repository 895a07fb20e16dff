//! The house rules, as far as a program can see them. Each is a test that says what to do; each has a test of itself.

mod documents;
mod evidence;
mod imports;
mod manifests;
mod names;
mod size;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository: its path from the root, and what it holds.
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    /// Whether it holds nothing but tests.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/it/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }

    /// What is compiled into the product: all before the module of tests at the end.
    fn production(&self) -> &str {
        let inline_tests = self.text.find("\n#[cfg(test)]\nmod tests {");
        inline_tests.and_then(|end| self.text.get(..end)).unwrap_or(&self.text)
    }

    /// Numbered lines of the product's code, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.production().lines().enumerate();
        lines.map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|it| it == extension)
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every text file of the repository, in order of path; captures and what is built are left out.
fn repository() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), &root(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|it| it.path == "vitals/src/lib.rs"), "the repository was not found");
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let built = matches!(name, "target" | ".git" | "captures") || name.starts_with("target-");
        if path.is_dir() && !built {
            collect(root, &path, files);
        } else if path.is_file() && !built {
            // What is no text has no house rules.
            if let Ok(text) = fs::read_to_string(&path) {
                files.push(File::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text));
            }
        }
    }
}

/// Fails with everything that a rule finds.
fn expect_none(found: &[String]) {
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}

/// Applies a rule to the files of the repository.
fn expect_kept(rule: impl Fn(&File) -> Vec<String>) {
    expect_none(&repository().iter().flat_map(rule).collect::<Vec<_>>());
}

/// Whether a text stands in another as a whole word.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or(""), text.get(at + word.len()..).unwrap_or(""));
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

#[test]
fn what_is_product_ends_where_the_tests_begin() {
    let file = File::new("a.rs", "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n");
    assert_eq!(file.code().collect::<Vec<_>>(), [(2, "fn a() {}")]);
    let outside = File::new("a.rs", "//! A.\n#[cfg(test)]\nmod tests;\nfn a() {}\n");
    assert_eq!(outside.code().count(), 3);
    assert!(has_word("let x = sled::open();", "sled") && !has_word("let x = sledge;", "sled"));
}
