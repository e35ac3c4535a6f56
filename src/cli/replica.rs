//! `serve --mirror DIR`: a mirror's folder served to readers, while `mirror --follow` may be writing into it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::listen::{bind, stop_signal, url_of};
use super::log;
use super::out::{Answer, Console, Exit, Failure, envelope};
use super::policies::Policies;
use super::{plain, runtime};
use crate::audit::{Replica, ReplicaError};
use crate::said;
use crate::server::accept::{self, Limits};
use crate::server::replica::router;

/// Between two looks at the folder's checkpoint.
const LOOK: Duration = Duration::from_millis(500);

pub(super) fn serve(
    console: &Console,
    folder: &Path,
    policies: &Policies,
    listen: SocketAddr,
    limits: Limits,
) -> Result<Answer, Failure> {
    log::start();
    if policies.is_empty() {
        return Err(Failure::usage(
            "policy-wanted",
            said!(
                "serve --mirror 须以 --policy 给出策略：未经核对的内容不对外提供",
                "serve --mirror wants --policy: nothing unverified is served"
            ),
        ));
    }
    let failed = |error: &(dyn std::error::Error + 'static)| {
        let (shown, cause) = (folder.display(), crate::chain_of(error));
        Failure::input(
            "mirror",
            said!("打不开镜像 {shown}", "cannot open the mirror {shown}").because(&cause),
        )
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let replica = Arc::new(Replica::new(folder, policies).map_err(|error| failed(&error))?);
    let ledger = policies
        .iter()
        .flat_map(|policy| policy.logs())
        .find_map(|log| log.url.clone());
    runtime().block_on(async {
        // What is there must hold before anything is served; a folder that is still empty is waited for.
        match replica.look().await {
            Ok(_) | Err(ReplicaError::NoCheckpoint) => {}
            Err(error) => {
                let (shown, cause) = (folder.display(), crate::chain_of(&error));
                return Err(Failure::new(
                    Exit::Failed,
                    "mirror",
                    said!(
                        "镜像 {shown} 通不过核对，不予提供",
                        "the mirror {shown} does not hold together and is not served"
                    )
                    .because(&cause),
                ));
            }
        }
        let listener = bind(listen).await?;
        let stop = stop_signal();
        let (url, size) = (
            url_of(&listener),
            replica.shown().map_or(0, |verified| verified.tree().size),
        );
        if console.json {
            let mut members = serde_json::Map::new();
            members.insert("url".to_owned(), url.clone().into());
            members.insert("tree_size".to_owned(), size.into());
            members.insert("read_only".to_owned(), true.into());
            console.announce(envelope(Exit::Ok, "serving", &members, None));
        } else {
            console.talk(&said!(
                "只读副本，{size} 条记录，正在 {url} 提供服务。按 Ctrl-C 停止。",
                "a read-only copy of {size} records is served at {url}. Ctrl-C stops it."
            ));
        }
        let following = tokio::spawn(follow(replica.clone()));
        accept::serve(listener, router(replica, ledger.as_deref()), limits, stop).await;
        following.abort();
        Ok(plain("stopped", String::new()))
    })
}

/// Looks again and again. What is wrong is told once, and what was shown before stays.
async fn follow(replica: Arc<Replica>) {
    let mut told = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let fault = match replica.look().await {
            Ok(_) | Err(ReplicaError::NoCheckpoint) => None,
            Err(error) => Some(crate::chain_of(&error)),
        };
        if fault != told {
            if let Some(fault) = &fault {
                tracing::error!(fault, "the folder's newest checkpoint is not shown");
            }
            told = fault;
        }
    }
}
