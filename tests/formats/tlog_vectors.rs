//! The formats and mathematics against known answers that others published; sources and licences are
//! in `tests/vectors/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use mingzhang::tlog::checkpoint::{self, Checkpoint, OpenError};
use mingzhang::tlog::cosignature::{self, Cosigner};
use mingzhang::tlog::merkle::{
    Hash, Tree, check_consistency, check_inclusion, leaf_hash, node_hash,
};
use mingzhang::tlog::note::{Algorithm, Note, NoteError, Signer, Vkey, key_id};
use mingzhang::tlog::tile::{Edge, Tile, TileBuilder, TileSet, parse_bundle};
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"))
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash::from_hex(text(value)).unwrap()
}

#[test]
fn hashes_and_roots_of_the_reference_tree() {
    let known = json("merkle/known-roots.json");
    let mut facts = 0;
    for fact in list(&known["hasher"]) {
        let out = match (fact.get("in"), fact.get("left"), fact.get("right")) {
            (Some(entry), None, None) => leaf_hash(&bytes(entry)),
            (None, Some(left), Some(right)) => {
                // The inputs are no digests, so the two prefixed strings are hashed as they are.
                let node = [&[1], &bytes(left)[..], &bytes(right)].concat();
                Hash::sha256(&node)
            }
            _ => Tree::EMPTY.root_hash,
        };
        assert_eq!(out, hash(&fact["out"]), "{fact}");
        facts += 1;
    }
    assert_eq!(facts, 4);
    let (a, b) = (leaf_hash(b""), leaf_hash(b"\0"));
    assert_eq!(
        node_hash(&a, &b),
        Hash::sha256(&[&[1], &a.0[..], &b.0].concat())
    );

    let entries: Vec<Vec<u8>> = list(&known["leaf_inputs_hex"]).iter().map(bytes).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let want: Vec<Hash> = list(&known["leaf_hashes_hex"]).iter().map(hash).collect();
    assert_eq!(leaves, want);
    let roots: Vec<Hash> = list(&known["root_by_tree_size_hex"])
        .iter()
        .map(hash)
        .collect();
    assert_eq!(roots.len(), 9);
    for (size, root_hash) in roots.into_iter().enumerate() {
        let mut builder = TileBuilder::new();
        builder.append(&leaves[..size]);
        assert_eq!(
            builder.tree(),
            Tree {
                size: size as u64,
                root_hash
            }
        );
        let mut edge = Edge::empty();
        edge.append(&entries[..size]);
        assert_eq!(edge.tree(), builder.tree());
    }
}

/// Runs `check` on each file of a folder of proofs, and compares with its `wantErr`.
fn proofs(folder: &str, want: (usize, usize), check: impl Fn(&Value) -> bool) {
    let (mut good, mut bad) = (0, 0);
    for group in fs::read_dir(path(folder)).unwrap() {
        for file in fs::read_dir(group.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let want_err = case["wantErr"].as_bool().unwrap();
            assert_eq!(!check(&case), want_err, "{}: {case}", file.display());
            if want_err { bad += 1 } else { good += 1 }
        }
    }
    assert_eq!((good, bad), want, "files read");
}

/// Some cases have hashes of a wrong length on purpose; those end where a hash is parsed.
fn hashes(proof: &Value) -> Option<Vec<Hash>> {
    // null is an empty proof.
    let proof = proof.as_array().map_or(&[][..], Vec::as_slice);
    proof
        .iter()
        .map(|hash| Hash::from_base64(text(hash)))
        .collect()
}

#[test]
fn inclusion_proofs_of_transparency_dev() {
    proofs("merkle/inclusion", (3, 46), |case| {
        let (Some(leaf), Some(root_hash), Some(proof)) = (
            Hash::from_base64(text(&case["leafHash"])),
            Hash::from_base64(text(&case["root"])),
            hashes(&case["proof"]),
        ) else {
            return false;
        };
        let tree = Tree {
            size: case["treeSize"].as_u64().unwrap(),
            root_hash,
        };
        check_inclusion(&leaf, case["leafIdx"].as_u64().unwrap(), &tree, &proof).is_ok()
    });
}

#[test]
fn consistency_proofs_of_transparency_dev() {
    proofs("merkle/consistency", (3, 40), |case| {
        let tree = |size: &str, root: &str| {
            let root_hash = Hash::from_base64(text(&case[root]))?;
            Some(Tree {
                size: case[size].as_u64().unwrap(),
                root_hash,
            })
        };
        let (Some(old), Some(new), Some(proof)) = (
            tree("size1", "root1"),
            tree("size2", "root2"),
            hashes(&case["proof"]),
        ) else {
            return false;
        };
        check_consistency(&old, &new, &proof).is_ok()
    });
}

fn vkey(public_key: &[u8]) -> Option<Vkey> {
    Vkey::from_parts("a", Algorithm::Ed25519, public_key.try_into().ok()?).ok()
}

#[test]
fn signatures_of_rfc_8032_and_of_its_authors() {
    for (file, count) in [
        ("ed25519/rfc8032_section_7_1.json", 5),
        ("ed25519/djb_sign_input_first_256.json", 256),
    ] {
        let tests = json(file);
        let tests = list(&tests["tests"]);
        for test in tests {
            let (seed, public_key) = (bytes(&test["seed"]), bytes(&test["pk"]));
            let (message, signature) = (bytes(&test["msg"]), bytes(&test["sig"]));
            let signer = Signer::from_seed("a", &seed.try_into().unwrap()).unwrap();
            assert_eq!(signer.vkey().public_key()[..], public_key);
            let vkey = vkey(&public_key).unwrap();
            assert!(vkey.verify(&message, &signature), "{test}");
            assert!(!vkey.verify(&[&message[..], b"\n"].concat(), &signature));
            for byte in [0, 31, 32, 63] {
                let mut bad = signature.clone();
                bad[byte] ^= 1;
                assert!(!vkey.verify(&message, &bad));
            }
        }
        assert_eq!(tests.len(), count);
    }
}

#[test]
fn signatures_of_wycheproof() {
    let file = json("ed25519/wycheproof_ed25519_test.json");
    let (mut valid, mut invalid) = (0, 0);
    for group in list(&file["testGroups"]) {
        let vkey = vkey(&bytes(&group["publicKey"]["pk"]));
        for test in list(&group["tests"]) {
            let (message, signature) = (bytes(&test["msg"]), bytes(&test["sig"]));
            let verifies = vkey
                .as_ref()
                .is_some_and(|vkey| vkey.verify(&message, &signature));
            match text(&test["result"]) {
                "valid" => valid += 1,
                "invalid" => invalid += 1,
                other => panic!("{other}"),
            }
            assert_eq!(verifies, test["result"] == "valid", "{test}");
        }
    }
    assert_eq!((valid, invalid), (88, 63));
}

/// Signatures on which implementations differ: with a cofactor, of low order, S too large. The browser is held to the same.
#[test]
fn signatures_on_which_implementations_differ() {
    let file = json("ed25519/edge.json");
    let (mut good, mut bad) = (0, 0);
    for case in list(&file["cases"]) {
        let (message, signature) = (text(&case["message"]), bytes(&case["signature"]));
        let verifies = vkey(&bytes(&case["public_key"]))
            .is_some_and(|vkey| vkey.verify(message.as_bytes(), &signature));
        assert_eq!(verifies, case["verifies"] == true, "{case}");
        *(if verifies { &mut good } else { &mut bad }) += 1;
    }
    assert_eq!((good, bad), (2, 7));
}

#[test]
fn the_examples_printed_in_the_specifications() {
    let file = json("c2sp/spec-examples.json");
    let examples = list(&file["examples"]);
    assert_eq!(examples.len(), 3);
    for example in examples {
        let note = text(&example["note"]);
        let parsed = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(parsed.encode(), note);
        if let Some(vkey) = example.get("vkey") {
            let vkey = Vkey::parse(text(vkey)).unwrap();
            let lines: Vec<_> = parsed.signatures_of(&vkey).collect();
            assert_eq!(lines.len(), 1);
            assert!(vkey.verify(parsed.text.as_bytes(), &lines[0].bytes));
        }
        if example.get("origin").is_some() {
            let checkpoint = Checkpoint::parse(&parsed.text).unwrap();
            assert_eq!(checkpoint.origin, text(&example["origin"]));
            assert_eq!(checkpoint.tree.size, example["size"].as_u64().unwrap());
            assert_eq!(
                checkpoint.tree.root_hash.to_base64(),
                text(&example["root_base64"])
            );
            assert_eq!(checkpoint.encode(), parsed.text);
            for (line, want) in parsed
                .signatures
                .iter()
                .zip(list(&example["signature_lines"]))
            {
                assert_eq!(line.name, text(&want["name"]));
                assert_eq!(format!("{:08x}", line.key_id), text(&want["key_id"]));
                assert_eq!(line.bytes.len() as u64, want["length"].as_u64().unwrap());
                if let Some(timestamp) = want.get("timestamp") {
                    assert_eq!(line.bytes[..8], timestamp.as_u64().unwrap().to_be_bytes());
                }
            }
            // Nobody has the key of the witness, but a signer of that text signs that message.
            let timestamp = 1_679_315_147;
            let cosigner = Cosigner::from_seed("witness.example.com/w1", &[7; 32]).unwrap();
            let signature = cosigner.sign(&parsed.text, timestamp).bytes;
            let as_note = vkey(cosigner.vkey().public_key()).unwrap();
            assert!(as_note.verify(
                text(&example["cosigned_message"]).as_bytes(),
                &signature[8..]
            ));
            assert_eq!(
                cosignature::verify(cosigner.vkey(), &parsed.text, &signature),
                Some(timestamp)
            );
        }
    }

    // The Go checksum database: its key name is not its origin.
    let (vkey, note) = (text(&examples[2]["vkey"]), text(&examples[2]["note"]));
    let vkey = Vkey::parse(vkey).unwrap();
    assert_eq!(
        vkey.key_id(),
        key_id(vkey.name(), vkey.algorithm(), vkey.public_key())
    );
    let opened = checkpoint::open(note.as_bytes(), "go.sum database tree", &[&vkey]).unwrap();
    assert_eq!(opened.tree().size, 20_852_163);
    let wrong = checkpoint::open(note.as_bytes(), "sum.golang.org", &[&vkey]);
    assert!(matches!(wrong, Err(OpenError::Origin { .. })));
}

#[test]
fn tile_paths_and_counts_of_the_specification() {
    let file = json("c2sp/spec-examples.json");
    let paths = &file["tile_paths"];
    for row in list(&paths["index"]) {
        let (index, name) = (row[0].as_u64().unwrap(), text(&row[1]));
        let tile = Tile::Hashes {
            level: 0,
            index,
            width: 256,
        };
        assert_eq!(tile.path(), format!("tile/0/{name}"));
        assert_eq!(Tile::parse_path(&tile.path()), Ok(tile));
    }
    for layout in list(&paths["layout"]) {
        let implied: Vec<Tile> = Tile::implied(layout["tree_size"].as_u64().unwrap()).collect();
        let of_level = |wanted: &str| {
            let level: u8 = wanted.parse().unwrap();
            let tiles = implied.iter().copied();
            tiles.filter(move |tile| matches!(tile, Tile::Hashes { level: l, .. } if *l == level))
        };
        for (level, full) in layout["full"].as_object().unwrap() {
            let count = of_level(level).filter(|tile| tile.is_full()).count();
            assert_eq!(
                count as u64,
                full.as_u64().unwrap(),
                "level {level} of {layout}"
            );
        }
        for (level, width) in layout["partial_width"].as_object().unwrap() {
            let partial = of_level(level).find(|tile| !tile.is_full());
            let have = partial.map_or(0, |tile| tile.width());
            assert_eq!(
                u64::from(have),
                width.as_u64().unwrap(),
                "level {level} of {layout}"
            );
        }
    }
}

/// Only the signatures and proofs in the dialogue; its order of answers is the witness's business.
#[test]
fn the_checkpoints_and_proofs_of_a_dialogue_with_a_witness() {
    let file = json("c2sp/witness-add-checkpoint-transcript.json");
    let log = Vkey::parse(text(&file["log_vkey"])).unwrap();
    let (mut known, mut loose) = (Tree::EMPTY, 0);
    let mut answers = Vec::new();
    for step in list(&file["steps"]) {
        // One of the signatures is not only wrong but has non-zero trailing bits, which Go's decoder
        // lets pass and ours must not. The same wrong bytes, spelt strictly:
        let body = text(&step["body"]).replace("8WVrx6gx=\n", "8WVrx6gw=\n");
        let (head, note) = body.split_once("\n\n").unwrap();
        if body != text(&step["body"]) {
            let (_, note) = text(&step["body"]).split_once("\n\n").unwrap();
            let error = checkpoint::open(note.as_bytes(), log.name(), &[&log]).unwrap_err();
            assert_eq!(error, NoteError::Base64 { line: 1 }.into());
            loose += 1;
        }
        let mut lines = head.lines();
        let old: u64 = lines
            .next()
            .unwrap()
            .strip_prefix("old ")
            .unwrap()
            .parse()
            .unwrap();
        let proof: Vec<Hash> = lines.map(|line| Hash::from_base64(line).unwrap()).collect();
        let answer = match checkpoint::open(note.as_bytes(), log.name(), &[&log]) {
            Err(OpenError::Origin { .. }) => 404,
            Err(OpenError::Signature { .. } | OpenError::Unsigned { .. }) => 403,
            Err(error) => panic!("{error}"),
            Ok(_) if old != known.size => 409,
            Ok(opened) => match check_consistency(&known, &opened.tree(), &proof) {
                Err(_) => 422,
                Ok(()) => {
                    known = opened.tree();
                    200
                }
            },
        };
        assert_eq!(answer, step["status_by_spec"].as_i64().unwrap(), "{step}");
        answers.push(answer);
    }
    assert_eq!((answers.len(), loose), (9, 1));
    assert!(
        [200, 403, 404, 409, 422]
            .iter()
            .all(|status| answers.contains(status)),
        "{answers:?}"
    );
}

/// A log that Tessera wrote, as it grew: its checkpoints open, its tiles authenticate, its entries
/// have these leaf hashes, and from its entries we write the very same files.
#[test]
fn a_log_written_by_tessera() {
    let folder = "tlog/tessera-log-first-8";
    let vkey = String::from_utf8(read("tlog/tessera-log-first-8.vkey")).unwrap();
    let log = Vkey::parse(vkey.trim_end()).unwrap();
    let mut edge = Edge::empty();
    let mut older = Tree::EMPTY;
    for size in 0..=8u64 {
        let note = read(&format!("{folder}/checkpoint.{size}"));
        let tree = checkpoint::open(&note, "example.com/log/testdata", &[&log])
            .unwrap()
            .tree();
        assert_eq!(tree.size, size);
        if size == 0 {
            assert_eq!(tree, Tree::EMPTY);
            continue;
        }
        let files: Vec<(Tile, Vec<u8>)> = Tile::implied(size)
            .map(|tile| (tile, read(&format!("{folder}/{}", tile.path()))))
            .collect();
        let (bundle, hash_tile) = (files[0].1.clone(), files[1].clone());
        let tiles = TileSet::authenticate(&tree, vec![hash_tile]).unwrap();
        let entries = tiles.check_bundle(0, &bundle).unwrap();
        assert_eq!(
            parse_bundle(&bundle, u16::try_from(size).unwrap()).unwrap(),
            entries
        );
        for (index, entry) in (0..).zip(&entries) {
            let proof = tiles.prove_inclusion(index).unwrap();
            assert_eq!(
                check_inclusion(&leaf_hash(entry), index, &tree, &proof),
                Ok(())
            );
        }
        let proof = tiles.prove_consistency(older.size).unwrap();
        assert_eq!(check_consistency(&older, &tree, &proof), Ok(()));

        let loaded = Edge::load(&tree, &files).unwrap();
        assert_eq!(loaded.tree(), tree);
        let growth = edge.append(&entries[entries.len() - 1..]);
        assert_eq!(growth.new, tree);
        let mut written = growth.objects.clone();
        written.sort_by_key(|(tile, _)| std::cmp::Reverse(*tile));
        assert_eq!(written, files);
        older = tree;
    }
    assert_eq!(
        read(&format!("{folder}/checkpoint")),
        read(&format!("{folder}/checkpoint.8"))
    );
}
