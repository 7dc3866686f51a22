use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn deadlines() -> Deadlines {
    Deadlines {
        handshake: SECOND,
        first: SECOND * 10,
        head: SECOND * 30,
        idle: SECOND * 90,
        stalled: SECOND * 20,
        ..Deadlines::default()
    }
}

/// The state of a connection so many seconds from now.
fn after(progress: &Progress, seconds: u32) -> &'static str {
    match progress.verdict(Instant::now() + SECOND * seconds, &deadlines()) {
        Verdict::Fine(_) => "fine",
        Verdict::Idle => "idle",
        Verdict::Overdue(why) => why,
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_ends() {
    let progress = Progress::begin();
    assert_eq!(after(&progress, 9), "fine");
    assert_eq!(after(&progress, 11), "no request arrived");
    let request = progress.request();
    assert_eq!(after(&progress, 1000), "fine", "a request is under way");
    drop(request);
    assert_eq!(after(&progress, 89), "fine");
    assert_eq!(after(&progress, 91), "idle");
}

#[tokio::test(start_paused = true)]
async fn heads_end_and_what_is_sent_is_taken() {
    let progress = Progress::begin();
    progress.head_is_coming(true);
    let request = progress.request();
    assert_eq!(after(&progress, 1000), "fine", "the head is there");
    progress.head_is_coming(true);
    assert_eq!(after(&progress, 29), "fine");
    assert_eq!(after(&progress, 31), "the head of a request is incomplete");
    progress.head_is_coming(false);
    assert_eq!(after(&progress, 31), "fine");
    progress.is_blocked(true);
    assert_eq!(after(&progress, 19), "fine");
    assert_eq!(after(&progress, 21), "the client does not receive data");
    progress.is_blocked(false);
    assert_eq!(after(&progress, 21), "fine");
    drop(request);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_one_response_may_let_others_wait() {
    let progress = Progress::begin();
    let request = progress.request();
    request.answer(None, false);
    let over = Instant::now() + deadlines().stalled;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let unread = Verdict::Overdue("the client does not read an answer");
    for _ in 0..READS {
        progress.is_taken(46);
    }
    let verdict = progress.verdict(over, &deadlines());
    assert_eq!(verdict, unread, "a ping is no part of an answer");
    progress.is_taken(READS);
    let verdict = progress.verdict(over, &deadlines());
    assert!(matches!(verdict, Verdict::Fine(_)));
    assert_eq!(after(&progress, 21), "the client does not read an answer");
}

#[tokio::test(start_paused = true)]
async fn answers_are_read_and_end_in_time() {
    let progress = Progress::begin();
    let request = progress.request();
    let unread = "the client does not read an answer";
    let clock = request.answer(Some(Instant::now() + SECOND * 5), false);
    assert_eq!(after(&progress, 6), "fine");
    assert_eq!(after(&progress, 8), unread, "its end has come");
    clock.waits(false);
    assert_eq!(
        after(&progress, 1000),
        "fine",
        "it waits for something else"
    );
    let endless = progress.request();
    let clock = endless.answer(None, false);
    assert_eq!(after(&progress, 19), "fine");
    assert_eq!(after(&progress, 21), unread);
    clock.waits(false);
    assert_eq!(after(&progress, 21), "fine");
    clock.waits(true);
    drop(endless);
    assert_eq!(after(&progress, 21), "fine");
}

#[tokio::test(start_paused = true)]
async fn a_look_is_taken_before_anything_can_be_over() {
    let progress = Progress::begin();
    let now = Instant::now();
    let Verdict::Fine(next) = progress.verdict(now, &deadlines()) else {
        panic!("it has just begun");
    };
    assert!(next > now && next <= now + SECOND * 10);
}

#[tokio::test(start_paused = true)]
async fn busy_connections_of_known_users_are_worth_most() {
    let progress = Progress::begin();
    assert!(matches!(progress.worth(), Worth::Unknown(_)));
    let request = progress.request();
    assert!(matches!(progress.worth(), Worth::Unknown(_)));
    progress.user().get_or_init(|| "alice".into());
    request.answer(None, false);
    progress.leaves_unread();
    assert!(progress.worth() == Worth::Busy && progress.is_unread());
    drop(request);
    assert!(matches!(progress.worth(), Worth::Idle(_)));
    drop(progress.request());
    assert!(!progress.is_unread());
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_a_log_may_pause() {
    let progress = Progress::begin();
    let log = progress.request();
    log.answer(None, true);
    progress.is_blocked(true);
    assert_eq!(after(&progress, 3600), "fine");
    let five_hours = 5 * 60 * 60;
    assert_ne!(after(&progress, five_hours), "fine");
    let list = progress.request();
    list.answer(None, false);
    let unread = "the client does not read an answer";
    assert_eq!(after(&progress, 21), unread, "that is no log");
    drop(list);
    progress.takes(1_000);
    progress.is_blocked(true);
    drop(log);
    assert_eq!(after(&progress, 3600), "fine", "its end is not sent");
    progress.is_blocked(false);
    progress.is_blocked(true);
    assert_eq!(after(&progress, 21), "the client does not receive data");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_response_that_is_being_sent_is_not_rest() {
    let progress = Progress::begin();
    progress.user().get_or_init(|| "alice".into());
    drop(progress.request());
    let rests = || progress.is_at_rest(Instant::now(), SECOND * 2);
    assert!(rests() && progress.worth() != Worth::Busy);
    progress.is_blocked(true);
    tokio::time::sleep(SECOND).await;
    assert!(!rests() && progress.worth() == Worth::Busy);
    progress.takes(1);
    progress.is_blocked(true);
    tokio::time::sleep(SECOND).await;
    assert!(!rests(), "some of it was taken a second ago");
    tokio::time::sleep(SECOND).await;
    assert!(rests(), "its client stands still");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_at_rest_when_all_that_is_under_way_waits_for_its_client() {
    let progress = Progress::begin();
    let rests = || progress.is_at_rest(Instant::now(), SECOND * 2);
    assert!(rests());
    let request = progress.request();
    tokio::time::sleep(SECOND * 3).await;
    assert!(!rests(), "it is carried out");
    progress.body_begins();
    progress.awaits_body(true);
    assert!(!rests(), "it has just begun to read");
    for _ in 0..5 {
        tokio::time::sleep(SECOND).await;
        progress.body_comes(READS);
    }
    assert!(!rests(), "its body comes");
    for _ in 0..2 {
        tokio::time::sleep(SECOND).await;
        progress.body_comes(1);
    }
    assert!(rests(), "a byte a second is standing still");
    let other = progress.request();
    assert!(!rests(), "another request is carried out");
    drop(other);
    assert!(rests());
    progress.awaits_body(false);
    assert!(!rests(), "the body is there");
    request.answer(None, false);
    assert!(!rests(), "its answer has just been made");
    tokio::time::sleep(SECOND).await;
    progress.is_taken(READS);
    tokio::time::sleep(SECOND).await;
    assert!(!rests(), "its answer is read");
    tokio::time::sleep(SECOND).await;
    assert!(rests());
    drop(request);
    assert!(rests());
}
