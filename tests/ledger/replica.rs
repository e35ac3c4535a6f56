//! Danger: a read-only copy shows the public what nobody signed: a file that was changed, an entry that was blanked without an order, another
//! history that was put into its folder.

use std::path::Path;

use bytes::Bytes;
use mingzhang::audit::{Replica, ReplicaError};
use mingzhang::store::Store;
use mingzhang::tlog::tile::Tile;

use super::forge::{Forger, bent_trade, blank, erase_change, good_log, policy, signed};
use super::world::World;

/// Puts a forged log into a folder as `mirror` would leave it.
async fn put(world: &World, forger: &Forger, folder: &Path) -> Store {
    let store = Store::folder(folder).unwrap();
    let (edge, objects) = forger.edge();
    for (tile, bytes) in objects {
        store.put(&tile.path(), Bytes::from(bytes)).await.unwrap();
    }
    let note = signed(world, edge.tree());
    store.put("checkpoint", note).await.unwrap();
    store
}

#[tokio::test]
async fn every_tile_is_shown_as_signed_or_not_at_all() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let replica = Replica::new(folder.path(), &[policy(&world)]).unwrap();
    assert!(matches!(
        replica.look().await,
        Err(ReplicaError::NoCheckpoint)
    ));
    assert!(replica.shown().is_none());
    let forger = good_log(&world, 30, 10);
    let store = put(&world, &forger, folder.path()).await;
    assert!(replica.look().await.unwrap());
    assert!(!replica.look().await.unwrap(), "nothing is new");
    let size = forger.next();
    for tile in Tile::implied(size) {
        let there = store.read(&tile.path(), 1 << 24).await.unwrap();
        assert_eq!(replica.tile(tile).await.unwrap(), there, "{tile}");
        // One bit anywhere, and it is an error.
        let mut bytes = there.unwrap().to_vec();
        let at = bytes.len() / 3;
        bytes[at] ^= 4;
        store
            .put(&tile.path(), Bytes::from(bytes.clone()))
            .await
            .unwrap();
        assert!(replica.tile(tile).await.is_err(), "{tile} was changed");
        bytes[at] ^= 4;
        store.put(&tile.path(), Bytes::from(bytes)).await.unwrap();
    }
    for path in [
        "tile/entries/001.p/1",
        "tile/0/000.p/9",
        "tile/entries/000.p/255",
    ] {
        let tile = Tile::parse_path(path).unwrap();
        let whole = Tile::parse_path(path.split(".p/").next().unwrap()).unwrap();
        let wide = match replica.tile(whole).await.unwrap() {
            Some(bytes) => bytes,
            None => store
                .read(&Tile::entries(1, size).unwrap().path(), 1 << 24)
                .await
                .unwrap()
                .unwrap(),
        };
        let cut = replica.tile(tile).await.unwrap().unwrap();
        assert!(wide.starts_with(&cut) && cut.len() < wide.len(), "{path}");
    }
    for path in [
        "tile/entries/002",
        "tile/entries/001",
        "tile/1/001.p/1",
        "tile/5/000",
    ] {
        let tile = Tile::parse_path(path).unwrap();
        assert_eq!(replica.tile(tile).await.unwrap(), None, "{path}");
    }
}

#[tokio::test]
async fn an_entry_is_empty_only_by_order() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let mut forger = Forger::new(&world);
    let statement = world.trade("P-1", None, "a citizen's name");
    let index = forger.log(statement.note());
    forger.log(world.trade("P-2", None, "another").note());
    let store = put(&world, &forger, folder.path()).await;
    let replica = Replica::new(folder.path(), &[policy(&world)]).unwrap();
    replica.look().await.unwrap();
    replica.receipt(index).await.unwrap();
    blank(&store, index).await;
    let bundle = Tile::entries(0, forger.next()).unwrap();
    assert!(
        replica.tile(bundle).await.is_err(),
        "blanked without an order"
    );
    let refused = replica.entries(index, 1).await;
    assert!(matches!(refused, Err(ReplicaError::Blank { .. })));
    // With the order in the log it is empty by right, and the receipt says by which record.
    let entry = forger.entries[usize::try_from(index).unwrap()].clone();
    let admitting = mingzhang::trade::statement::Statement::parse(&world.first_notes()[1]).unwrap();
    let change = erase_change(index, &entry, &statement);
    let order = world.authority_note(&world.key_text(&admitting.id(), &change), &[0, 2]);
    let ordered_at = forger.log(&order);
    let store = put(&world, &forger, folder.path()).await;
    blank(&store, index).await;
    assert!(replica.look().await.unwrap());
    let bundle = Tile::entries(0, forger.next()).unwrap();
    assert!(replica.tile(bundle).await.unwrap().is_some());
    assert!(matches!(
        replica.receipt(index).await,
        Err(ReplicaError::Erased { order, .. }) if order == ordered_at
    ));
}

#[tokio::test]
async fn another_history_in_the_folder_is_not_shown() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let forger = good_log(&world, 3, 2);
    put(&world, &forger, folder.path()).await;
    let replica = Replica::new(folder.path(), &[policy(&world)]).unwrap();
    replica.look().await.unwrap();
    let shown = replica.shown().unwrap().tree();
    // The operator's own key, another first notice, one record more.
    let mut fork = Forger::new(&world);
    let statement = bent_trade(&world, "P-0", None, "notice 0", |text| {
        text.replace("甲局", "乙局")
    });
    fork.log(statement.note());
    for project in 1..8 {
        let project = format!("P-{project}");
        fork.log(world.trade(&project, None, "notice 0").note());
    }
    put(&world, &fork, folder.path()).await;
    assert!(matches!(
        replica.look().await,
        Err(ReplicaError::Contradiction { .. })
    ));
    assert_eq!(replica.shown().unwrap().tree(), shown);
    assert!(replica.fault().unwrap().contains("does not extend"));
    // A checkpoint that the log's key has not signed is not even looked at.
    let store = Store::folder(folder.path()).unwrap();
    store
        .put("checkpoint", Bytes::from_static(b"x\n"))
        .await
        .unwrap();
    assert!(matches!(
        replica.look().await,
        Err(ReplicaError::Checkpoint(_))
    ));
}
