//! In which partition a key belongs: the same one in every run and process.

use std::hash::{Hash, Hasher};

/// The partition of a key, of so many.
pub(crate) fn partition_of<K: Hash + ?Sized>(key: &K, partitions: u32) -> u32 {
    let mut hasher = KeyHasher(OFFSET_BASIS);
    key.hash(&mut hasher);
    let partition = hasher.finish() % u64::from(partitions);
    u32::try_from(partition).expect("less than the partitions")
}

/// FNV-1a with the last step of Murmur3, which lets each bit of a key decide. It has no seed, and takes numbers in one order of
/// bytes: what a key hashes to does not depend on the machine, but for slices of numbers, whose bytes std passes on as they are in memory.
struct KeyHasher(u64);

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }

    fn write_u16(&mut self, n: u16) {
        self.write(&n.to_le_bytes());
    }

    fn write_u32(&mut self, n: u32) {
        self.write(&n.to_le_bytes());
    }

    fn write_u64(&mut self, n: u64) {
        self.write(&n.to_le_bytes());
    }

    fn write_u128(&mut self, n: u128) {
        self.write(&n.to_le_bytes());
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    // As wide everywhere: what is negative would be another number where pointers are narrow.
    fn write_isize(&mut self, n: isize) {
        self.write_u64((n as i64).cast_unsigned());
    }

    fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What was published by one version is found by the next: these numbers do not change.
    #[test]
    fn keys_stay_in_their_partitions() {
        let words = ["alice", "bob", "carol", "dave"].map(|key| partition_of(key, 8));
        let numbers = [0_u64, 1, 2, 3].map(|key| partition_of(&key, 8));
        assert_eq!(words, WORDS);
        assert_eq!(numbers, NUMBERS);
    }

    const WORDS: [u32; 4] = [3, 3, 4, 6];
    const NUMBERS: [u32; 4] = [6, 6, 2, 2];

    #[test]
    fn what_is_as_wide_as_a_pointer_is_hashed_as_64_bits() {
        for n in [-2, -1, 0, 1] {
            let wide = i64::try_from(n).expect("it fits");
            assert_eq!(
                partition_of::<isize>(&n, 1 << 20),
                partition_of(&wide, 1 << 20)
            );
        }
    }

    #[test]
    fn keys_are_spread() {
        let mut counts = [0; 8];
        for key in 0..8_000_u64 {
            counts[partition_of(&key, 8) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (900..1100).contains(n)), "{counts:?}");
    }
}
