//! The whole service over a small real ledger, asked without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use mingzhang::law::View;
use mingzhang::ledger::Ledger;
use mingzhang::rules::Book;
use mingzhang::server::{Options, router};
use mingzhang::store::Store;
use mingzhang::trade::statement::Statement;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::World;

pub struct Service {
    pub world: World,
    pub store: Store,
    pub ledger: Ledger,
    pub law: Arc<View>,
    pub app: Router,
    follower: tokio::task::JoinHandle<()>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Status and code of a problem.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        (
            self.status,
            self.json()["code"].as_str().unwrap().to_owned(),
        )
    }
}

impl Service {
    pub async fn new() -> Service {
        let (world, store) = (World::new(), Store::memory());
        world.create(&store).await.close().await;
        Service::over(world, store).await
    }

    /// The service over a ledger that is there; its index begins empty.
    pub async fn over(world: World, store: Store) -> Service {
        Service::by(world, store, Book::builtin()).await
    }

    /// The service that judges by this law.
    pub async fn by(world: World, store: Store, book: Book) -> Service {
        let ledger = world.open(&store).await.unwrap();
        Service::of(world, store, ledger, book)
    }

    /// The service over a ledger that is open.
    pub fn of(world: World, store: Store, ledger: Ledger, book: Book) -> Service {
        let law = Arc::new(View::new(ledger.clone(), book, None));
        let follower = tokio::spawn(mingzhang::law::follow(law.clone()));
        let options = Options {
            document_bytes_max: 1_000_000,
            law: Some(law.clone()),
            ..Options::default()
        };
        let app = router(ledger.clone(), options);
        Service {
            world,
            store,
            ledger,
            law,
            app,
            follower,
        }
    }

    /// Ends it; world and store remain.
    pub async fn stop(self) -> (World, Store) {
        self.follower.abort();
        let _ = self.follower.await;
        drop((self.law, self.app));
        self.ledger.close().await;
        (self.world, self.store)
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut answer = self.ask_as_sent(method, path, headers, body).await;
        let path = path.split('?').next().unwrap();
        resolve(path, &mut answer.headers, &mut answer.body);
        answer
    }

    /// Like `ask`, with links as they go out: relative.
    pub async fn ask_as_sent(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub async fn post(&self, body: impl Into<Body>) -> Answer {
        self.ask("POST", "/api/v1/statements", &[], body).await
    }

    /// A chain of `length` statements on `project`, not posted.
    pub fn chain(&self, project: &str, length: usize) -> Vec<Statement> {
        let mut chain: Vec<Statement> = Vec::new();
        for n in 0..length {
            let follows = chain.last().map(Statement::id);
            chain.push(
                self.world
                    .trade(project, follows.as_ref(), &format!("{project} {n}")),
            );
        }
        chain
    }
}

/// Links as a browser resolves them: none is written as a path from the root, so that all of them work below a proxy's prefix.
fn resolve(path: &str, headers: &mut HeaderMap, body: &mut Vec<u8>) {
    let folder = &path[..=path.rfind('/').unwrap_or(0)];
    for name in [header::LINK, header::LOCATION] {
        let Some(value) = headers.get(&name) else {
            continue;
        };
        let value = value.to_str().unwrap();
        let (mark, to) = match value.strip_prefix('<') {
            Some(to) => ("<", to),
            None => ("", value),
        };
        assert!(!to.starts_with('/'), "{name}: {value}");
        let value = format!("{mark}{folder}{to}");
        headers.insert(name, value.parse().unwrap());
    }
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|found| found.to_str().unwrap().starts_with("text/html"));
    if is_page && path != "/verify.html" {
        let page = String::from_utf8(std::mem::take(body)).unwrap();
        let names = [
            "href", "src", "action", "receipt", "policy", "ledger", "worker",
        ];
        let up = match path.matches('/').count() {
            1 => "./".to_owned(),
            depth => "../".repeat(depth - 1),
        };
        *body = names
            .iter()
            .fold(page, |page, name| {
                assert!(
                    !page.contains(&format!("{name}=\"/")),
                    "{path} links from the root"
                );
                page.replace(&format!("{name}=\"{up}"), &format!("{name}=\"/"))
            })
            .into_bytes();
    }
}

pub fn note(statement: &Statement) -> Vec<u8> {
    statement.note().to_vec()
}

pub fn in_json(statement: &Statement) -> Value {
    json!({ "note": std::str::from_utf8(statement.note()).unwrap() })
}
