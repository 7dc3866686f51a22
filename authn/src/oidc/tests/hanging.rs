//! An issuer that does not respond.

use std::time::{Duration, Instant};

use super::*;

const JANE: &str = "https://issuer.example/path#jane";
const WAIT: Duration = Duration::from_millis(300);

/// Tokens whose cached keys are always due for a refresh.
fn impatient(issuer: &Arc<FakeIssuer>) -> OidcTokens {
    let mut tokens = OidcTokens::new(options(), issuer.clone());
    let timing = &mut Arc::get_mut(&mut tokens.issuer).unwrap().timing;
    timing.max_age = Duration::ZERO;
    timing.min_interval = Duration::ZERO;
    timing.wait = WAIT;
    tokens
}

fn token(key: &SigningKey) -> String {
    key.sign(&claims(&json!({}))).unwrap()
}

/// It delays only tokens with unknown keys, and those concurrently.
#[tokio::test]
async fn only_tokens_with_unknown_keys_wait() {
    let (known, unknown) = (key(), key());
    let issuer = fake_issuer(vec![known.verifying_key().jwk()]);
    let tokens = Arc::new(impatient(&issuer));
    let begun = || issuer.begun.load(Ordering::Relaxed);
    assert_eq!(authenticate(&tokens, &token(&known)).await, JANE);
    assert_eq!(begun(), 1);
    issuer.responses.forget_permits(1);

    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(authenticate(&tokens, &token(&known)).await, JANE);
        tokio::task::yield_now().await;
    }
    // If each waited, they would take 6 s.
    let took = began.elapsed();
    assert!(took < 10 * WAIT, "{took:?}");
    assert_eq!(begun(), 2, "all share one refresh, which hangs");

    let began = Instant::now();
    let unknown_tokens = (0..50).map(|_| {
        let (tokens, token) = (tokens.clone(), token(&unknown));
        tokio::spawn(async move { authenticate(&tokens, &token).await })
    });
    let unknown_tokens: Vec<_> = unknown_tokens.collect();
    assert_eq!(authenticate(&tokens, &token(&known)).await, JANE);
    for pending in unknown_tokens {
        let outcome = pending.await.unwrap();
        assert_eq!(
            outcome,
            "oidc: the token is not signed by a key of the issuer"
        );
    }
    // One after the other they would take 15 s.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(begun(), 2, "and they share it, too");

    // Waiting requests get the keys as soon as they arrive.
    *issuer.keys.lock() = Some(vec![unknown.verifying_key().jwk()]);
    let (tokens_too, late) = (tokens.clone(), token(&unknown));
    let waiting = tokio::spawn(async move { authenticate(&tokens_too, &late).await });
    issuer.responses.add_permits(1);
    waiting.await.unwrap();
    assert_eq!(authenticate(&tokens, &token(&unknown)).await, JANE);
}

/// A refresh that hangs ends, so that a later one finds the issuer well again.
#[tokio::test]
async fn a_refresh_is_given_up() {
    let known = key();
    let issuer = fake_issuer(vec![known.verifying_key().jwk()]);
    let mut tokens = impatient(&issuer);
    let timing = &mut Arc::get_mut(&mut tokens.issuer).unwrap().timing;
    timing.timeout = Duration::from_millis(20);
    assert_eq!(authenticate(&tokens, &token(&known)).await, JANE);
    issuer.responses.forget_permits(1);
    let began = Instant::now();
    while issuer.begun.load(Ordering::Relaxed) < 4 {
        assert_eq!(authenticate(&tokens, &token(&known)).await, JANE);
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "one refresh hangs"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
