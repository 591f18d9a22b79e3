//! Container files: what is written is read, here and by the `apache-avro` crate; damaged ones are refused.

use annals_schema_model::avro::{
    Schema,
    container::{Codec, ContainerError, ContainerReader, ContainerWriter},
    wire::Writer,
};

use crate::{
    generate::{Random, Types, write},
    payload,
};

const SYNC: [u8; 16] = *b"sixteen bytes...";

fn written(schema: &Schema, codec: Codec, data: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = ContainerWriter::new(&mut file, schema, codec, SYNC).unwrap();
    for datum in data {
        writer.append(datum).unwrap();
    }
    writer.flush().unwrap();
    file
}

fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, ContainerError> {
    let mut reader = ContainerReader::new(file)?;
    let mut data = Vec::new();
    while let Some((number, datum)) = reader.next_datum()? {
        data.push(datum.to_vec());
        assert_eq!(number, data.len() as u64);
    }
    Ok(data)
}

#[test]
fn data_come_back_from_files() {
    let mut random = Random::new(9);
    let mut by_apache = 0;
    for round in 0..300 {
        let kind = Types::new(&mut random).record(2);
        let Ok(schema) = Schema::parse(&write(&kind, &mut random), &[]) else {
            continue;
        };
        let codec = Codec::ALL[round % 3];
        let data: Vec<Vec<u8>> = (0..random.below(40))
            .filter_map(|_| payload::data(&schema, &mut random, true))
            .collect();
        let file = written(&schema, codec, &data);
        assert_eq!(read(&file).unwrap(), data);
        assert_eq!(
            ContainerReader::new(&file[..]).unwrap().schema().stored_text(),
            schema.stored_text()
        );
        if let Ok(reader) = apache_avro::Reader::new(&file[..])
            && let Ok(values) = reader.collect::<Result<Vec<_>, _>>()
        {
            assert_eq!(values.len(), data.len());
            by_apache += 1;
        }
    }
    assert!(by_apache > 150, "{by_apache}");
}

#[test]
fn blocks_are_parted_and_what_takes_no_bytes_is_counted() {
    let text = Schema::parse("\"string\"", &[]).unwrap();
    let datum = |index: u32| [&[16][..], format!("{index:08}").as_bytes()].concat();
    let data: Vec<Vec<u8>> = (0..50_000).map(datum).collect();
    for codec in Codec::ALL {
        let file = written(&text, codec, &data);
        let blocks = file.windows(SYNC.len()).filter(|window| *window == SYNC).count();
        assert!(blocks > 6, "{blocks}");
        assert_eq!(read(&file).unwrap(), data);
    }
    let null = Schema::parse("\"null\"", &[]).unwrap();
    for count in [1_000, 65_536, 65_537, 200_000] {
        let nothings = vec![Vec::new(); count];
        assert_eq!(read(&written(&null, Codec::Null, &nothings)).unwrap(), nothings);
    }
}

#[test]
fn damaged_files_are_refused() {
    let schema = Schema::parse(
        r#"{"type":"record","name":"R","fields":[{"name":"s","type":"string"}]}"#,
        &[],
    )
    .unwrap();
    let data: Vec<Vec<u8>> = (0..20u8).map(|index| vec![2, b'a' + index]).collect();
    for codec in Codec::ALL {
        let file = written(&schema, codec, &data);
        for end in 0..file.len() {
            let read = read(&file[..end]);
            // A file may end behind its header, or behind a block.
            let is_whole = read.as_ref().is_ok_and(|data| data.is_empty());
            assert!(read.is_err() || is_whole, "cut at {end}");
        }
        let mut refused = 0;
        for place in 0..file.len() {
            for byte in [0, 0x7f, 0xff, file[place] ^ 1] {
                let mut damaged = file.clone();
                damaged[place] = byte;
                refused += usize::from(read(&damaged).is_err());
            }
        }
        assert!(refused > file.len(), "{refused}");
    }
    let check = |bytes: &[u8], wanted: &str| {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    let file = written(&schema, Codec::Null, &data);
    let header = file.len() - 16 - 42;
    check(b"PK\x03\x04", "no Avro container file");
    check(&file[..40], "cut off");
    // Metadata of many entries, and of a long one.
    let magic = &file[..4];
    check(&[magic, &[0xd2, 0x0f][..]].concat(), "it has too much metadata");
    let mut many = [magic, &[0xd0, 0x0f][..]].concat();
    many.extend([0; 2_000]);
    many.push(0);
    check(&many, "it names no schema");
    let mut long = Writer::append_to([magic, &[2, 2, b'k'][..]].concat());
    long.long(4 * 1024 * 1024 + 1);
    check(
        &long.into_bytes(),
        "4194305 bytes in one piece; 4194304 are read at most",
    );
    check(
        &[&file[..header], &[0xfe, 0xff, 0xff, 0xff, 0x0f, 0][..], &SYNC[..]].concat(),
        "a length is cut off",
    );
    check(
        &[&file[..header], &[2, 0xff, 0xff, 0xff, 0xff, 0x0f][..]].concat(),
        "in one piece",
    );
    check(
        &[&file[..header], &[1, 0][..], &SYNC[..]].concat(),
        "a block has -1 data",
    );
    let other = String::from_utf8_lossy(&file).replace("\u{8}null", "\u{8}zstd");
    check(
        other.as_bytes(),
        "the codec \"zstd\" is not known here: null, deflate or snappy",
    );
}
