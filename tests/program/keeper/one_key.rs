//! Danger: one log key signs two histories, because two processes have it, or because what it remembers was exchanged under one of them. Or
//! what it acknowledges is written beside what is there, because the folder was exchanged.

use std::path::Path;

use super::*;

/// What `serve` says that does not start.
fn refused(data: &str, more: &[&str]) -> Run {
    let base = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    run(&[&base[..], more].concat())
}

fn head_size(data: &str) -> String {
    let head = std::fs::read_to_string(format!("{data}/log/head")).unwrap();
    head.lines().nth(1).unwrap().to_owned()
}

/// The second one is refused by the name of the first, in whatever way it comes to the key; the first goes on, and its end frees the key.
#[test]
fn a_second_process_with_the_key_is_refused_by_name_of_the_first() {
    let desk = Desk::new();
    let (data, keys) = (desk.path("data"), desk.path("keys"));
    run(&["init", "--data", &data, "--keys", &keys, "--origin", ORIGIN])
        .exits(0)
        .says(&[&format!("mingzhang serve --data {data} --keys {keys}\n")]);
    let served = Served::start_with(&data, &["--keys", &keys]);
    post(&desk, &served, &format!("{keys}/centre.key"), 0..3).exits(0);
    let pid = format!("process {} ", served.child.id());

    for name in ["copied", "linked"] {
        copy(&data, &desk.path(name));
    }
    std::os::unix::fs::symlink(&keys, desk.path("keys-linked")).unwrap();
    std::os::unix::fs::symlink(&data, desk.path("data-linked")).unwrap();
    let rows = [
        ("data", "keys", "lock is held by"),
        ("data-linked", "keys", "lock is held by"),
        ("copied", "keys", "last-signed is held by"),
        ("copied", "keys-linked", "last-signed is held by"),
    ];
    for (data, keys, said) in rows {
        let (data, keys) = (desk.path(data), desk.path(keys));
        let before = head_size(&data);
        refused(&data, &["--keys", &keys])
            .exits(4)
            .says(&[said, &pid, "Stop the other one first"]);
        assert_eq!(head_size(&data), before);
        let reindex = run(&["reindex", "--data", &data, "--keys", &keys]);
        reindex.exits(4).says(&[&pid]);
        refused(&data, &["--keys", &keys, "--lang", "zh"])
            .exits(4)
            .says(&[
                "请先停止该进程",
                format!("进程 {} ", served.child.id()).trim_end(),
            ]);
    }
    post(&desk, &served, &format!("{keys}/centre.key"), 3..5).exits(0);
    // Killed without a word, it leaves its files, and no lock.
    drop(served);
    assert!(Path::new(&format!("{keys}/last-signed.holder")).exists());
    refused(&desk.path("copied"), &["--keys", &keys])
        .exits(3)
        .says(&[
            "has signed 7 records, the data holds 5",
            "restore --from-mirror",
        ]);
    let served = Served::start_with(&data, &["--keys", &keys]);
    post(&desk, &served, &format!("{keys}/centre.key"), 5..6).exits(0);
    assert_eq!(served.terminate(), Some(0));
}

/// Whatever is put in the place of last-signed under a running process: nothing more is signed, the process ends and says why.
#[test]
fn a_folder_of_keys_exchanged_underneath_ends_the_process_before_a_signature() {
    type Exchange = fn(&Path, &Path);
    let rows: [(&str, Exchange); 3] = [
        ("deleted", |keys, _| {
            std::fs::remove_file(keys.join("last-signed")).unwrap()
        }),
        ("copied over", |keys, old| {
            std::fs::copy(old.join("last-signed"), keys.join("last-signed")).unwrap();
        }),
        ("swapped", |keys, old| {
            std::fs::rename(keys, keys.with_extension("away")).unwrap();
            std::os::unix::fs::symlink(old, keys).unwrap();
        }),
    ];
    for (what, exchange) in rows {
        let desk = Desk::new();
        let (data, keys) = (desk.path("data"), desk.path("keys"));
        run(&["init", "--data", &data, "--keys", &keys, "--origin", ORIGIN]).exits(0);
        let key = format!("{keys}/centre.key");
        copy(&keys, &desk.path("old"));
        copy(&key, &desk.path("centre.key"));
        copy(&format!("{keys}/centre.vkey"), &desk.path("centre.vkey"));
        let mut served = Served::start_with(&data, &["--keys", &keys]);
        post(&desk, &served, &desk.path("centre.key"), 0..3).exits(0);
        let before = head_size(&data);
        exchange(Path::new(&keys), Path::new(&desk.path("old")));
        let posted = post(&desk, &served, &desk.path("centre.key"), 3..4);
        assert_ne!(posted.exit, 0, "{what}: {posted:?}");
        assert_eq!(served.child.wait().unwrap().code(), Some(7), "{what}");
        assert_eq!(head_size(&data), before, "{what}: something was signed");
    }
}

/// The data moved away, deleted, or exchanged under a running process: it acknowledges nothing more, makes no new folder, and ends.
#[test]
fn a_folder_of_data_exchanged_underneath_ends_the_process_before_a_receipt() {
    type Exchange = fn(&Path);
    let rows: [(&str, Exchange); 4] = [
        ("moved", |data| {
            std::fs::rename(data, data.with_extension("away")).unwrap()
        }),
        ("replaced by a copy", |data| {
            let away = data.with_extension("away");
            std::fs::rename(data, &away).unwrap();
            // The ledger goes on writing its index meanwhile: what vanishes while it is copied is missing in the copy.
            let mut copying = std::process::Command::new("cp");
            copying.arg("-a").args([away.as_path(), data]);
            copying.status().unwrap();
        }),
        ("deleted", deleted),
        ("its commits deleted", |data| deleted(&data.join("commit"))),
    ];
    // Side by side: each waits for the poster's patience.
    std::thread::scope(|scope| {
        for (what, exchange) in rows {
            scope.spawn(move || check(what, exchange));
        }
    });

    /// The ledger goes on writing its index meanwhile, and a folder that has got a file since it was emptied cannot be removed.
    fn deleted(folder: &Path) {
        let mut tries = (0..100).map(|_| std::fs::remove_dir_all(folder));
        let not_empty = |done: &std::io::Result<()>| {
            let failure = done.as_ref().err();
            failure.is_some_and(|failure| failure.kind() == std::io::ErrorKind::DirectoryNotEmpty)
        };
        tries.find(|done| !not_empty(done)).unwrap().unwrap();
    }

    fn check(what: &str, exchange: Exchange) {
        let desk = Desk::new();
        let (data, keys) = (desk.path("data"), desk.path("keys"));
        run(&["init", "--data", &data, "--keys", &keys, "--origin", ORIGIN]).exits(0);
        let key = format!("{keys}/centre.key");
        let mut served = Served::start_with(&data, &["--keys", &keys]);
        post(&desk, &served, &key, 0..3).exits(0);
        let signed = std::fs::read(format!("{keys}/last-signed")).unwrap();
        exchange(Path::new(&data));
        let posted = post(&desk, &served, &key, 3..4);
        assert_ne!(posted.exit, 0, "{what}: {posted:?}");
        assert_eq!(served.child.wait().unwrap().code(), Some(7), "{what}");
        let after = std::fs::read(format!("{keys}/last-signed")).unwrap();
        assert_eq!(after, signed, "{what}: something was signed");
        assert!(
            !Path::new(&data)
                .join("commit/00000000000000000005#1")
                .exists()
        );
    }
}
