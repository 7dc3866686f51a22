use redb::backends::FileBackend;

use super::*;
use crate::{Entry, Frame};

const SEED: [u8; 16] = *b"0123456789abcdef";

fn open(path: &std::path::Path) -> Journal {
    let file = super::super::private_file::private().open(path).unwrap();
    Journal::new(Box::new(FileBackend::new(file).unwrap()))
}

fn put(revision: Revision, value: &[u8]) -> Arc<Event> {
    Arc::new(Event::Put {
        entry: Entry::new("/k", Bytes::copy_from_slice(value), revision),
        previous: None,
        frame: Frame::default(),
    })
}

/// A file of commits, each of so many changes, the first of them at `first`.
fn file(first: Revision, commits: &[usize]) -> Vec<u8> {
    let mut bytes = vec![0; START];
    let mut next = first;
    for count in commits {
        let changes: Vec<_> = (next..).take(*count).map(|n| put(n, b"a value")).collect();
        bytes.extend(block(&changes, &SEED));
        next += *count as u64;
    }
    bytes
}

fn count(bytes: &[u8], last: Revision) -> Result<usize, String> {
    match newer(&Bytes::copy_from_slice(bytes), &SEED, last) {
        Ok((newer, _)) => Ok(newer.records.len()),
        Err(JournalError::Damaged(why)) => Err(why),
        Err(JournalError::Io(error)) => panic!("{error}"),
    }
}

#[test]
fn what_was_appended_is_read_again_until_redb_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let number = open(&path).begin().unwrap();
    let open = |last| {
        let mut journal = open(&path);
        journal.read(number, last).unwrap();
        journal
    };
    let records = |journal: &Journal| -> Vec<_> {
        let records = journal.records();
        records
            .map(|(n, record)| (n, record.last().copied()))
            .collect()
    };
    let mut journal = open(1);
    assert_eq!((records(&journal), journal.last()), (vec![], None));
    journal.append(&[put(2, b"x"), put(3, b"y")]).unwrap();
    journal.append(&[put(4, b"z")]).unwrap();
    let written = [(2, Some(b'x')), (3, Some(b'y')), (4, Some(b'z'))];
    assert_eq!(records(&journal), written);
    drop(journal);
    let mut journal = open(1);
    assert_eq!(
        (records(&journal), journal.last()),
        (written.to_vec(), Some(4))
    );
    journal.append(&[put(5, b"after a restart")]).unwrap();
    drop(journal);
    let mut journal = open(1);
    assert_eq!(journal.last(), Some(5));
    journal.rewind();
    assert_eq!(journal.last(), None);
    journal.append(&[put(6, b"shorter")]).unwrap();
    assert_eq!(records(&journal), [(6, Some(b'r'))]);
    drop(journal);
    assert_eq!(records(&open(5)), [(6, Some(b'r'))]);
    assert_eq!(open(6).last(), None);
}

#[test]
fn a_file_that_ends_early_has_whole_commits() {
    let commits = [1, 3, 2, 1];
    let whole = file(2, &commits);
    let mut found = Vec::new();
    for length in START..=whole.len() {
        found.push(count(&whole[..length], 1).unwrap());
    }
    found.dedup();
    assert_eq!(found, [0, 1, 4, 6, 7]);
}

#[test]
fn damage_before_the_last_commit_is_noticed() {
    let whole = file(2, &[1, 3, 2]);
    let last = whole.len() - file(6, &[2]).len() + START;
    for at in START..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        match count(&damaged, 1) {
            Err(why) => assert!(why.contains("revision") && at < last, "{at}: {why}"),
            // as after a crash in the middle of that commit
            Ok(found) => assert!(found == 4 && at >= last, "{at}: {found}"),
        }
    }
}

#[test]
fn what_an_earlier_round_left_is_no_change() {
    let earlier = file(2, &[1, 1, 1, 1, 1]);
    for commits in [1, 2] {
        let round = file(7, &vec![1; commits]);
        let mut bytes = earlier.clone();
        bytes[..round.len()].copy_from_slice(&round);
        assert_eq!(count(&bytes, 6), Ok(commits));
        // nor is it damage if the round's last commit was under way
        bytes[round.len() - 1] ^= 1;
        assert_eq!(count(&bytes, 6), Ok(commits - 1));
    }
    assert_eq!(count(&file(2, &[2, 2]), 9), Ok(0));
}

#[test]
fn changes_that_are_missing_are_noticed() {
    assert!(count(&file(4, &[1]), 2).unwrap_err().contains("revision 3"));
    assert!(
        count(&file(2, &[3]), 3)
            .unwrap_err()
            .contains("only a part")
    );
}

#[test]
fn a_value_that_looks_like_a_block_is_none() {
    let forged = block(&[put(9, b"forged")], b"a different seed");
    let mut bytes = vec![0; START];
    bytes.extend(block(&[put(2, &forged)], &SEED));
    bytes.extend(block(&[put(3, &forged)], &SEED));
    assert_eq!(count(&bytes, 1), Ok(2));
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    assert_eq!(count(&bytes, 1), Ok(1));
}

#[test]
fn only_the_journal_of_that_number_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = open(&path);
    assert!(!journal.is_begun());
    journal.append(&[put(2, b"x")]).unwrap_err();
    // one that its owner removed
    journal.read(7, 1).unwrap();
    assert!(!journal.is_begun() && !journal.has_room(&[put(2, b"x")]));
    let first = journal.begin().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), FULL);
    journal.append(&[put(2, b"x")]).unwrap();
    let second = open(&path).begin().unwrap();
    let mut journal = open(&path);
    journal.read(second, 1).unwrap();
    assert_eq!((journal.last(), journal.is_begun()), (None, true));
    let rejected = |number, part: &str| match open(&path).read(number, 1) {
        Err(JournalError::Damaged(why)) => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?}"),
    };
    rejected(first, "another store");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    rejected(second, "header");
    bytes.push(0);
    std::fs::write(&path, &bytes).unwrap();
    rejected(second, "bytes");
}

/// Writes what was written to it before a sync only to memory, as a system does.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<parking_lot::Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    shown: Vec<u8>,
    durable: Vec<u8>,
    /// The ranges that a sync writes.
    dirty: Vec<std::ops::Range<usize>>,
    syncs: bool,
    /// How many bytes were written.
    written: usize,
}

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().shown.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.lock().shown[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut pages = self.0.lock();
        let len = usize::try_from(len).unwrap();
        pages.shown.resize(len, 0);
        pages.durable.resize(len, 0);
        Ok(())
    }

    /// A sync that fails marks what it did not write as written.
    fn sync_data(&self) -> io::Result<()> {
        let mut pages = self.0.lock();
        let (syncs, dirty) = (pages.syncs, std::mem::take(&mut pages.dirty));
        if !syncs {
            return Err(io::Error::other("injected: no sync"));
        }
        for range in dirty {
            let content = pages.shown[range.clone()].to_vec();
            pages.durable[range].copy_from_slice(&content);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut pages = self.0.lock();
        let start = usize::try_from(offset).unwrap();
        let range = start..start + data.len();
        pages.shown[range.clone()].copy_from_slice(data);
        pages.dirty.push(range);
        pages.written += data.len();
        Ok(())
    }
}

/// What a start finds behind what was acknowledged may not be on the disk, and what follows it must not be
/// lost with it.
#[test]
fn what_a_start_finds_is_durable_before_it_counts() {
    let file = Memory::default();
    file.0.lock().syncs = true;
    let mut journal = Journal::new(Box::new(file.clone()));
    let number = journal.begin().unwrap();
    journal.append(&[put(2, b"acknowledged")]).unwrap();
    file.0.lock().syncs = false;
    journal.append(&[put(3, b"in doubt")]).unwrap_err();
    file.0.lock().syncs = true;
    let mut journal = Journal::new(Box::new(file.clone()));
    journal.read(number, 1).unwrap();
    assert_eq!(journal.last(), Some(3));
    journal.append(&[put(4, b"acknowledged")]).unwrap();
    // the power fails
    let after = Memory::default();
    let durable = file.0.lock().durable.clone();
    *after.0.lock() = Pages {
        shown: durable.clone(),
        durable,
        dirty: Vec::new(),
        syncs: true,
        written: 0,
    };
    let mut journal = Journal::new(Box::new(after));
    journal.read(number, 1).unwrap();
    assert_eq!(journal.last(), Some(4));
}

/// A file that is as long as it should be may lack the space for it, if the disk became full when it was made.
#[test]
fn the_space_of_a_journal_is_taken_before_it_begins() {
    let file = Memory::default();
    let full = usize::try_from(FULL).unwrap();
    for _ in 0..2 {
        file.0.lock().written = 0;
        Journal::new(Box::new(file.clone())).begin().unwrap_err();
        assert_eq!((file.len().unwrap(), file.0.lock().written), (FULL, full));
    }
    file.0.lock().syncs = true;
    for expected in [full + HEADER, HEADER] {
        file.0.lock().written = 0;
        Journal::new(Box::new(file.clone())).begin().unwrap();
        assert_eq!(file.0.lock().written, expected);
    }
}

/// A block whose first bytes a power failure took is not completed by those of the next one.
#[test]
fn a_torn_block_is_not_completed_by_a_later_one() {
    const SECTOR: usize = 512;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = open(&path);
    let number = journal.begin().unwrap();
    // the next header begins two bytes before a sector
    let empty = size(&[put(2, b"")]);
    let filler = vec![b'x'; SECTOR - 2 - empty % SECTOR];
    journal.append(&[put(2, &filler)]).unwrap();
    let end = usize::try_from(journal.end).unwrap();
    assert_eq!(end % SECTOR, SECTOR - 2);
    let before = std::fs::read(&path).unwrap();
    journal.append(&[put(3, b"torn")]).unwrap();
    let mut torn = std::fs::read(&path).unwrap();
    torn[..end + 2].copy_from_slice(&before[..end + 2]);
    std::fs::write(&path, torn).unwrap();

    let mut journal = open(&path);
    journal.read(number, 1).unwrap();
    assert_eq!(journal.last(), Some(2));
    let mut after = std::fs::read(&path).unwrap();
    journal.append(&[put(3, b"later")]).unwrap();
    after[..end + 2].copy_from_slice(&std::fs::read(&path).unwrap()[..end + 2]);
    std::fs::write(&path, after).unwrap();

    let mut journal = open(&path);
    journal.read(number, 1).unwrap();
    assert_eq!(journal.last(), Some(2));
}
