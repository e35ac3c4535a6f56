//! Files that operating systems and file servers leave in every folder: `.DS_Store`, `Thumbs.db`, `lost+found`. They are no objects.
//!
//! Promises: nothing that a log, a commit or a document is ever called is taken for one. Says nothing of any other foreign file: those are
//! named as faults, since nobody knows how they came there.

/// Names without a dot in front that systems give, in lower case: Windows, Linux file systems, network storage.
const NAMES: [&str; 7] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "lost+found",
    "$recycle.bin",
    "system volume information",
    "@eadir",
];

/// Whether an object of this name is a system's file, or lies in a system's folder. No name of ours has a part that begins with a dot.
pub fn is_stray(name: &str) -> bool {
    let mut parts = name.split('/');
    parts.any(|part| part.starts_with('.') || NAMES.contains(&part.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_systems_files_are_strays_and_no_object_is() {
        for name in [
            ".DS_Store",
            "checkpoints/.DS_Store",
            "checkpoints/._00000000000000000007",
            "commit/Thumbs.db",
            "commit/desktop.ini",
            "tile/lost+found/x",
            "tile/0/Desktop.ini",
            "openings/.nfs000000000123",
            "checkpoints/$RECYCLE.BIN/x",
            "@eaDir/x",
        ] {
            assert!(is_stray(name), "{name}");
        }
        for name in [
            "checkpoint",
            "head",
            "checkpoints/00000000000000000007",
            "checkpoints/7",
            "checkpoints/notes.txt",
            "tile/0/x001/067",
            "tile/entries/000.p/2",
            "commit/00000000000000000000",
            "commit/00000000000000000000.bak",
            "documents/ab",
        ] {
            assert!(!is_stray(name), "{name}");
        }
    }
}
