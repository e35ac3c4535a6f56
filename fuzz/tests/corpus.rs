//! Every example and every input that once broke something goes through its target, so that an ordinary test run guards what fuzzing found.

use std::fs;
use std::path::Path;

use mingzhang_fuzz::{TARGETS, repository};

#[test]
fn what_once_broke_something_and_every_example_is_taken_without_a_panic() {
    let mut inputs = 0;
    for target in TARGETS {
        let own = format!("fuzz/corpus/{}", target.name);
        for place in target.seeds.iter().copied().chain([own.as_str()]) {
            let path = repository().join(place);
            assert!(
                path.exists() || place == own,
                "{}: no examples at {place}",
                target.name
            );
            files(&path, &mut |path| {
                println!("{}: {}", target.name, path.display());
                (target.run)(&fs::read(path).expect("a file that was just listed"));
                inputs += 1;
            });
        }
    }
    assert!(inputs > 100, "only {inputs} inputs");
}

fn files(path: &Path, take: &mut dyn FnMut(&Path)) {
    if path.is_file() {
        return take(path);
    }
    let Ok(folder) = fs::read_dir(path) else {
        return;
    };
    for entry in folder {
        files(&entry.expect("an entry of the folder").path(), take);
    }
}
