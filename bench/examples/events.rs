//! Writes signed notes, one a line: `events COUNT EVERY OFFSET` leaves out each `EVERY`th, from `OFFSET` on.

use std::io::{self, BufWriter, Write};

use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let mut number = || numbers.next().unwrap_or(Ok(0));
    let (count, every, offset) = (number()?, number()?.max(1), number()?);
    let keys: Vec<SecretKey> = (1..=50_u8)
        .map(|byte| SecretKey::from_bytes([byte; 32]))
        .collect::<Result<_, _>>()?;
    let mut out = BufWriter::new(io::stdout().lock());
    for number in (0..count).filter(|number| number % every != offset % every) {
        let at = Timestamp(1_700_000_000 + number / 4);
        let author = keys.iter().cycle().nth((number % 50) as usize);
        let Some(author) = author else { continue };
        let words = "words ".repeat((number % 40) as usize);
        let note = EventBuilder::new(Kind(1), at)
            .content(format!("{number} {words}"))
            .sign(author);
        out.write_all(note.json())?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}
