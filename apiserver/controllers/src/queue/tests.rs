use super::*;

#[tokio::test(start_paused = true)]
async fn a_key_comes_once_and_at_its_earliest() {
    let queue = Queue::default();
    queue.add("late".into(), Duration::from_secs(3600));
    queue.add("b".into(), Duration::from_millis(20));
    queue.add("a".into(), Duration::from_secs(3600));
    queue.add("a".into(), Duration::ZERO);
    queue.add("a".into(), Duration::from_secs(1));
    assert_eq!(&*queue.next().await, "a");
    assert_eq!(&*queue.next().await, "b");
    queue.add("late".into(), Duration::ZERO);
    assert_eq!(&*queue.next().await, "late");
    assert!(queue.is_empty());
}

#[tokio::test]
async fn a_queue_counts_its_keys() {
    let queues = WorkQueues::new();
    let queue = Queue::patient_for(Duration::from_millis(1)).counted("test", &queues);
    queue.add("a".into(), Duration::ZERO);
    queue.add("later".into(), Duration::from_secs(3600));
    let observed = queue.waiting.observe();
    assert_eq!((observed.depth, observed.unfinished), (1, Duration::ZERO));
    let key = queue.next().await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let observed = queue.waiting.observe();
    assert!(observed.depth == 0 && observed.longest >= Duration::from_millis(2));
    queue.settle(key, Ok(false));
    let counted = queue.metrics.as_ref().unwrap();
    let (waited, worked) = (&counted.waited, &counted.worked);
    assert_eq!(
        (waited.get_sample_count(), worked.get_sample_count()),
        (1, 1)
    );
    assert_eq!((counted.adds.get(), counted.retries.get()), (3, 1));
    assert_eq!(queue.waiting.observe().longest, Duration::ZERO);
}

#[tokio::test]
async fn what_is_added_meanwhile_wakes_who_waits() {
    let queue = Arc::new(Queue::default());
    queue.add("later".into(), Duration::from_secs(3600));
    let next = tokio::spawn({
        let queue = queue.clone();
        async move { queue.next().await }
    });
    tokio::task::yield_now().await;
    queue.add("now".into(), Duration::ZERO);
    assert_eq!(&*next.await.unwrap(), "now");
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_and_what_is_gone_is_not() {
    let queue = Queue::patient_for(Duration::from_millis(1));
    for key in ["later", "error", "gone", "done"] {
        queue.add(key.into(), Duration::ZERO);
    }
    let tried = Mutex::new(HashMap::<String, u32>::new());
    let attempt = |key: Arc<str>| {
        let mut tried = tried.lock();
        let times = tried.entry(key.to_string()).or_default();
        *times += 1;
        let first = *times == 1;
        async move {
            match &*key {
                "later" => Ok(!first),
                "error" if first => Err(Status::internal("not yet")),
                "gone" => Err(Status::failure(
                    portcullis_api::status::Reason::NotFound,
                    "",
                )),
                _ => Ok(true),
            }
        }
    };
    let serve = queue.serve(2, attempt);
    let ended = tokio::time::timeout(Duration::from_millis(300), serve).await;
    assert!(ended.is_err() && queue.is_empty());
    let tried = tried.into_inner();
    let times = ["later", "error", "gone", "done"].map(|key| tried[key]);
    assert_eq!(times, [2, 2, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn failures_wait_longer_each_time_until_one_succeeds() {
    let queue = Queue::default();
    let due = |queue: &Queue| queue.waiting.lock().by_key["x"] - Instant::now();
    queue.failed("x".into(), None);
    assert!(due(&queue) <= AGAIN.0);
    for _ in 0..40 {
        queue.waiting.lock().by_key.clear();
        queue.waiting.lock().by_time.clear();
        queue.failed("x".into(), None);
    }
    let late = due(&queue);
    assert!(late > AGAIN.1 / 3 && late <= AGAIN.1, "{late:?}");
    queue.succeeded("x");
    queue.failed("x".into(), None);
    assert!(due(&queue) <= AGAIN.0);
}

/// As after an outage of the store.
#[tokio::test(start_paused = true)]
async fn keys_that_failed_together_are_due_at_different_times() {
    let queue = Queue::default();
    for n in 0..50 {
        queue.failed(n.to_string().into(), None);
    }
    let due = queue.waiting.lock().by_key.clone();
    let due: BTreeSet<_> = due.into_values().collect();
    assert!(due.len() > 40, "{due:?}");
}

/// A key that is added while it is attempted is attempted again, and not twice at once.
#[tokio::test(start_paused = true)]
async fn a_key_is_attempted_once_at_a_time() {
    let queue = Queue::default();
    queue.add("x".into(), Duration::ZERO);
    let key = queue.next().await;
    queue.add(key.clone(), Duration::ZERO);
    queue.add_unless_known(key.clone());
    assert!(queue.is_empty());
    queue.settle(key, Ok(true));
    assert_eq!(&*queue.next().await, "x");
    queue.settle("x".into(), Ok(true));
    queue.add("x".into(), Duration::from_secs(3600));
    queue.add_unless_known("x".into());
    assert!(queue.waiting.lock().by_key["x"] > Instant::now());
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_attempt() {
    let queue = Queue::patient_for(Duration::from_millis(1));
    for key in ["bad", "good"] {
        queue.add(key.into(), Duration::ZERO);
    }
    let tried = Mutex::new(Vec::new());
    let attempt = |key: Arc<str>| {
        tried.lock().push(key.clone());
        let panics = &*key == "bad" && tried.lock().len() < 3;
        async move {
            assert!(!panics, "a bug");
            Ok(true)
        }
    };
    let serve = queue.serve(1, attempt);
    let all = async {
        while tried.lock().len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = serve => {}
        () = all => {}
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{tried:?}"),
    }
    assert_eq!(
        tried.into_inner(),
        ["bad".into(), "good".into(), Arc::<str>::from("bad")]
    );
}
