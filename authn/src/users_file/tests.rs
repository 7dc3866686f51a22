use std::fs;
use std::path::Path;

use crate::{BasicFile, FileError, Outcome, Reload, TokenAuthenticator, TokenFile};

fn basic_error(contents: &[u8]) -> String {
    BasicFile::of(Path::new("users.csv"), contents)
        .unwrap_err()
        .to_string()
}

fn token_error(contents: &[u8]) -> String {
    TokenFile::of(Path::new("tokens.csv"), contents)
        .unwrap_err()
        .to_string()
}

#[test]
fn errors_name_file_line_and_reason_but_no_secret() {
    for (contents, expected) in [
        (
            &b"S3cret,alice,1\n\nS3cret,bob\n"[..],
            "line 3: at least 3 columns are required (password, user name, user uid), found 2",
        ),
        (
            b"S3cret",
            "line 1: at least 3 columns are required (password, user name, user uid), found 1",
        ),
        (b"S3cret,,1", "line 1: the user name is empty"),
        (b"S3cret,a,1\n,b,2", "line 2: the password is empty"),
        (b"S3cret\",a,1", "line 1: a quote in an unquoted field"),
        (
            b"S3cret,a,1\nS3cret,b,2,\"g1,g2\nS3cret,c,3",
            "line 2: the closing quote of a field is missing or not followed by a comma or a line end",
        ),
        (b"S3cret,a,1\nS3cret\xff,b,2", "line 2: not UTF-8 text"),
    ] {
        let error = basic_error(contents);
        assert_eq!(error, format!("users.csv: {expected}"));
        assert!(!error.contains("S3cret"));
    }
    assert_eq!(
        token_error(b"S3cret,a"),
        "tokens.csv: line 1: at least 3 columns are required (token, user name, user uid), found 2"
    );
    let missing = TokenFile::load(Path::new("/none/tokens.csv")).unwrap_err();
    assert!(matches!(&missing, FileError::Unreadable { .. }));
    assert!(
        missing.to_string().starts_with("/none/tokens.csv: "),
        "{missing}"
    );
}

async fn user_of(file: &TokenFile, token: &str) -> String {
    match file.authenticate_token(token).await.unwrap() {
        Outcome::Identified(user) => format!("{} {} {:?}", user.name, user.uid, user.groups),
        Outcome::NotMine => "nobody".into(),
    }
}

#[tokio::test]
async fn tokens_are_parsed_as_upstream() {
    let text = "t1,alice,1\r\nt2,bob,2,\"g1,g2\"\n,ghost,3\nt1,alex,4,only\nt3,carol,,,extra\n";
    let file = TokenFile::of(Path::new("tokens.csv"), text.as_bytes()).unwrap();
    for (token, expected) in [
        ("t1", r#"alex 4 ["only"]"#),
        ("t2", r#"bob 2 ["g1", "g2"]"#),
        ("t3", "carol  []"),
        ("", "nobody"),
        ("t", "nobody"),
        ("T1", "nobody"),
    ] {
        assert_eq!(user_of(&file, token).await, expected, "{token}");
    }
    let empty = TokenFile::of(Path::new("tokens.csv"), b"").unwrap();
    assert_eq!(user_of(&empty, "t1").await, "nobody");
}

#[tokio::test]
async fn changed_files_are_reloaded_unless_they_are_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.csv");
    fs::write(&path, "t1,alice,1").unwrap();
    let file = TokenFile::load(&path).unwrap();
    assert_eq!(file.path(), path);
    assert!(!file.reload().unwrap());

    fs::write(&path, "t2,bob,2").unwrap();
    assert!(file.reload().unwrap());
    assert_eq!(user_of(&file, "t1").await, "nobody");
    assert_eq!(user_of(&file, "t2").await, "bob 2 []");

    fs::write(&path, "t3,carol").unwrap();
    assert!(matches!(
        file.reload().unwrap_err(),
        FileError::Line { line: 1, .. }
    ));
    assert_eq!(user_of(&file, "t2").await, "bob 2 []");
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        file.reload().unwrap_err(),
        FileError::Unreadable { .. }
    ));
    assert_eq!(user_of(&file, "t2").await, "bob 2 []");
}
