-- A log of version 0.1.0, as it was written before an edit that a person takes back was called undone: the second run is
-- a `revert`, and the records it changed have the outcome 'reverted'. Five lines went in, the fourth is no JSON.
-- Dumped with `sqlite3 DB .dump`; the application id, which a dump leaves out, was added.
PRAGMA application_id = 1296647234;
BEGIN TRANSACTION;
CREATE TABLE checkpoints (          -- how far a run has come; moves in the transaction of each batch
  run_id INTEGER PRIMARY KEY REFERENCES runs(id),
  records INTEGER NOT NULL,
  rejected_lines INTEGER NOT NULL,
  events INTEGER NOT NULL,
  position INTEGER NOT NULL,        -- of the next record
  line INTEGER NOT NULL,            -- of the next record
  input_offset INTEGER NOT NULL,    -- bytes of the decompressed corpus
  output_bytes INTEGER NOT NULL,
  rejected_bytes INTEGER NOT NULL,
  head TEXT NOT NULL,               -- hash of the last decision
  rejected_head TEXT NOT NULL,      -- hash of the last rejected line
  seal TEXT NOT NULL
);
INSERT INTO "checkpoints" VALUES(1,4,1,0,5,6,582,566,205,'6dc9d1b33679c3f71f32d3a815730169e049064c4223875ff61cf18e563bd663','495519d34704c185f92936f675565f3e675ca68449a721e2c8e86e6622acfbc2','350567eaca559db231fba7f868f294b1ed530016917afc989c9ce22e927dc516');
INSERT INTO "checkpoints" VALUES(2,4,1,0,0,1,0,0,0,'e02f6436eb25ae858463e976c5fb5534de8a9f713ac852c4013cedb1d053f49b','c57ee8ec1435377ed2873c0505fee0d7cb8a1e6fb2cc1677f72773cfcad5e75d','9b05ef4e7775f9686b5b829d307f45168a1b463ea76fb868e97f7334fd023569');
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY,
  record_id INTEGER NOT NULL REFERENCES records(id),
  pair INTEGER NOT NULL,            -- from 0; a conversation has one per turn
  pass TEXT NOT NULL,               -- route | content | translation | localization | verification | revert
  attempt INTEGER NOT NULL,
  action TEXT NOT NULL,             -- skipped | applied | rejected
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  before_hash TEXT NOT NULL,
  after_hash TEXT NOT NULL,
  prompt_hash TEXT,
  generation_id INTEGER REFERENCES generations(id),
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO "decisions" VALUES(1,1,0,'content',1,'applied','repaired','broken-numbering','a1374bf5acd0229fc477f4fc1b868f4432ec5238eea73f590c78ab7dbc01409d','4da2284cc983bc142c97ca2e981c60e704603628b8e27812a23ea95a3dd77bab',NULL,NULL,'0000000000000000000000000000000000000000000000000000000000000000','3c0fcfda27baac820506ccb7308be4fbfee3c4fb12d5d6a9c9c45ef4184098de');
INSERT INTO "decisions" VALUES(2,1,0,'verification',1,'applied','accepted','','4da2284cc983bc142c97ca2e981c60e704603628b8e27812a23ea95a3dd77bab','4da2284cc983bc142c97ca2e981c60e704603628b8e27812a23ea95a3dd77bab',NULL,NULL,'3c0fcfda27baac820506ccb7308be4fbfee3c4fb12d5d6a9c9c45ef4184098de','aac0940c0958f8a3c6448f07d566c36b8d86f53587dd9cd9a14c35a8f082f91f');
INSERT INTO "decisions" VALUES(3,2,0,'route',1,'skipped','nothing-found','','627a3cbd7184981792b49ddf928e50d8676911809b4eeed85f0ed2faa3f11cc3','627a3cbd7184981792b49ddf928e50d8676911809b4eeed85f0ed2faa3f11cc3',NULL,NULL,'aac0940c0958f8a3c6448f07d566c36b8d86f53587dd9cd9a14c35a8f082f91f','1ee1325cc1c4024a46a022817ff8499cc19106f75ddaa0b6a760d62c15d1b806');
INSERT INTO "decisions" VALUES(4,3,0,'localization',1,'applied','repaired','decimal-separator','18907ad84b126c0cd8db5a3088207c20d1d4a7b106f82185ae50cec825dc469b','be11b690ba3bb09410652c2f9118cc68a5b8046bca5490c66f63e9e32ae03e29',NULL,NULL,'1ee1325cc1c4024a46a022817ff8499cc19106f75ddaa0b6a760d62c15d1b806','6607301f5faa472ce305d54a07097a7907300519bf711ad566f3ac40b319f257');
INSERT INTO "decisions" VALUES(5,3,0,'verification',1,'applied','accepted','','be11b690ba3bb09410652c2f9118cc68a5b8046bca5490c66f63e9e32ae03e29','be11b690ba3bb09410652c2f9118cc68a5b8046bca5490c66f63e9e32ae03e29',NULL,NULL,'6607301f5faa472ce305d54a07097a7907300519bf711ad566f3ac40b319f257','b9626d82414108d2caf0d377e44e49d436223f03832073aa4267c47e46c0c4e5');
INSERT INTO "decisions" VALUES(6,4,0,'route',1,'skipped','nothing-found','','8410494babc02fe7a674f87e153972678565266b649092e52dea0048a56b662f','8410494babc02fe7a674f87e153972678565266b649092e52dea0048a56b662f',NULL,NULL,'b9626d82414108d2caf0d377e44e49d436223f03832073aa4267c47e46c0c4e5','6dc9d1b33679c3f71f32d3a815730169e049064c4223875ff61cf18e563bd663');
INSERT INTO "decisions" VALUES(7,5,0,'revert',1,'applied','revert-requested','kind broken-numbering, decimal-separator','4da2284cc983bc142c97ca2e981c60e704603628b8e27812a23ea95a3dd77bab','a1374bf5acd0229fc477f4fc1b868f4432ec5238eea73f590c78ab7dbc01409d',NULL,NULL,'0000000000000000000000000000000000000000000000000000000000000000','315e8739c90e2331e19e8eb4494d2485276b1a813a7ba4dd2e1be6ea9ee808c4');
INSERT INTO "decisions" VALUES(8,7,0,'revert',1,'applied','revert-requested','kind broken-numbering, decimal-separator','be11b690ba3bb09410652c2f9118cc68a5b8046bca5490c66f63e9e32ae03e29','18907ad84b126c0cd8db5a3088207c20d1d4a7b106f82185ae50cec825dc469b',NULL,NULL,'315e8739c90e2331e19e8eb4494d2485276b1a813a7ba4dd2e1be6ea9ee808c4','e02f6436eb25ae858463e976c5fb5534de8a9f713ac852c4013cedb1d053f49b');
CREATE TABLE edits (
  decision_id INTEGER NOT NULL REFERENCES decisions(id),
  ordinal INTEGER NOT NULL,
  field TEXT NOT NULL,
  start INTEGER NOT NULL,           -- code points of the text with the decision's before_hash
  end INTEGER NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (decision_id, ordinal)
) WITHOUT ROWID;
INSERT INTO "edits" VALUES(1,0,'response',23,24,'2','3','broken-numbering');
INSERT INTO "edits" VALUES(4,0,'response',18,19,'.',',','decimal-separator');
INSERT INTO "edits" VALUES(7,0,'response',23,24,'3','2','broken-numbering');
INSERT INTO "edits" VALUES(8,0,'response',18,19,',','.','decimal-separator');
CREATE TABLE findings (
  id INTEGER PRIMARY KEY,
  record_id INTEGER NOT NULL REFERENCES records(id),
  pair INTEGER NOT NULL,
  field TEXT NOT NULL,
  kind TEXT NOT NULL,
  family TEXT NOT NULL,
  severity TEXT NOT NULL,
  start INTEGER NOT NULL,           -- open: code points of the final text; else of the text it was found in
  end INTEGER NOT NULL,
  evidence TEXT NOT NULL,
  detector TEXT NOT NULL,
  status TEXT NOT NULL,             -- repaired | open | dismissed
  decision_id INTEGER REFERENCES decisions(id)
);
INSERT INTO "findings" VALUES(1,1,0,'response','broken-numbering','content','minor',23,24,'counts 1, 2, 2, 4: 2 where 3 is next','broken_numbering','repaired',1);
INSERT INTO "findings" VALUES(2,3,0,'response','decimal-separator','localization','minor',17,20,'2.5 as in English; 2,5 here','decimal_separator','repaired',4);
CREATE TABLE generations (          -- what a model was asked and what it answered
  id INTEGER PRIMARY KEY,
  prompt_hash TEXT NOT NULL,
  engine TEXT NOT NULL,
  sampling TEXT NOT NULL,
  prompt TEXT NOT NULL,
  completion TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  finish_reason TEXT NOT NULL,
  seconds REAL NOT NULL,
  seal TEXT NOT NULL, run_id INTEGER NOT NULL DEFAULT 0, pass TEXT NOT NULL DEFAULT '', cached_tokens INTEGER NOT NULL DEFAULT 0, drafted INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0,
  UNIQUE (prompt_hash, engine, sampling)
);
CREATE TABLE migrations (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  sql_sha256 TEXT NOT NULL,
  applied_at TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO "migrations" VALUES(1,'0001_first','05402b8c0bfdb791be6d069e6991bacb29fd1b409ef7ac3268105923f5246255','2026-11-26T15:28:38+00:00','0000000000000000000000000000000000000000000000000000000000000000','cf386b5b8228b1f35f2b233c5343e832558257f83479def4c9a9b5a4d75b30ee');
INSERT INTO "migrations" VALUES(2,'0002_generations','c6d83e0daaeffcd36d12e93f6104a9c33b05331dfe539e8f01558b0dbaf718af','2026-11-26T15:28:38+00:00','cf386b5b8228b1f35f2b233c5343e832558257f83479def4c9a9b5a4d75b30ee','d55bdb52fa6ee8f13bfb8d79b5213cdc6d81f07b08ec26fd70da9182095f82e0');
CREATE TABLE prompts (              -- system messages, which the prompts of a pass and language share
  hash TEXT PRIMARY KEY,            -- SHA-256 of the text; stands in generations.prompt in place of it
  text TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  position INTEGER NOT NULL,        -- from 0, rejected lines counted
  line INTEGER NOT NULL,            -- from 1
  record_key TEXT NOT NULL,
  language TEXT NOT NULL,
  outcome TEXT NOT NULL,            -- unchanged | improved | reverted
  pairs INTEGER NOT NULL,
  open_findings INTEGER NOT NULL,
  original_text TEXT,               -- JSON: [[instruction, input, response], ...]; only with findings or edits
  final_text TEXT,                  -- the same; only where it differs from original_text
  original_hash TEXT NOT NULL,
  final_hash TEXT NOT NULL,
  seal TEXT NOT NULL,
  UNIQUE (run_id, position)
);
INSERT INTO "records" VALUES(1,1,0,1,'de-1','de','improved',1,0,'[["Nenne vier Farben.","","Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."]]','[["Nenne vier Farben.","","Gern:\n1. Rot.\n2. Blau.\n3. Grün.\n4. Gelb."]]','15a7866b5fc146cfadeaaac8368957ffe7e090e278981dc30f9e2da6c2e6d025','32857e4b5d0f497523ada4f6a125a0feaf2f2de29c21339257d9e91258b25385','95cc9377288650adcfcf164ac51e56ef8898fc786478df65ee151933af7fbc05');
INSERT INTO "records" VALUES(2,1,1,2,'de-2','de','unchanged',1,0,NULL,NULL,'a0f2299a7df7adc9df62180518f234b266b3aefbf0e11be8ec7155f37e3576a0','a0f2299a7df7adc9df62180518f234b266b3aefbf0e11be8ec7155f37e3576a0','10244e8d9ce799ca8c71d879d06a7a64188323005f16f935db85e5e269f8f293');
INSERT INTO "records" VALUES(3,1,2,3,'it-1','it','improved',1,0,'[["Quanto misura il tavolo?","","Il tavolo misura 2.5 metri."]]','[["Quanto misura il tavolo?","","Il tavolo misura 2,5 metri."]]','9f98d1de8fe5a038cabb9d3ab630dd53fa171f61e3b32e8d0117a643af09bd82','b75a54da2f51218f7ae9c5af3b535e0b44b1ae260a4a31b8db4b1a72a1e3b1ef','389cbefccf221353d12da994ef9159e89af66ab8fe2051410f6e4ed91d556039');
INSERT INTO "records" VALUES(4,1,4,5,'de-3','de','unchanged',1,0,NULL,NULL,'f843c814e85a2dba4a97c08814f55f7f2ffdb32dfcb0d15f0a4709cc5b17654e','f843c814e85a2dba4a97c08814f55f7f2ffdb32dfcb0d15f0a4709cc5b17654e','637996ef2b8d10d2b8da9935f9735b45f060896caeeb2c99b8d817583688429a');
INSERT INTO "records" VALUES(5,2,0,1,'de-1','de','reverted',1,0,'[["Nenne vier Farben.","","Gern:\n1. Rot.\n2. Blau.\n3. Grün.\n4. Gelb."]]','[["Nenne vier Farben.","","Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."]]','32857e4b5d0f497523ada4f6a125a0feaf2f2de29c21339257d9e91258b25385','15a7866b5fc146cfadeaaac8368957ffe7e090e278981dc30f9e2da6c2e6d025','6a588ef03942b0f4142f584210daa861cfa7d8c3f65bc10a3ffca7d43460c5a1');
INSERT INTO "records" VALUES(6,2,1,2,'de-2','de','unchanged',1,0,NULL,NULL,'a0f2299a7df7adc9df62180518f234b266b3aefbf0e11be8ec7155f37e3576a0','a0f2299a7df7adc9df62180518f234b266b3aefbf0e11be8ec7155f37e3576a0','87c491a67ef43077e76014b4c7eb9ae795e10eee9affc774002d74fc2b51a4e1');
INSERT INTO "records" VALUES(7,2,2,3,'it-1','it','reverted',1,0,'[["Quanto misura il tavolo?","","Il tavolo misura 2,5 metri."]]','[["Quanto misura il tavolo?","","Il tavolo misura 2.5 metri."]]','b75a54da2f51218f7ae9c5af3b535e0b44b1ae260a4a31b8db4b1a72a1e3b1ef','9f98d1de8fe5a038cabb9d3ab630dd53fa171f61e3b32e8d0117a643af09bd82','502d828e28b18696ee4038cf3b2b5d9e3fc2d04bb012ea6c74d1ed3d8146eced');
INSERT INTO "records" VALUES(8,2,4,5,'de-3','de','unchanged',1,0,NULL,NULL,'f843c814e85a2dba4a97c08814f55f7f2ffdb32dfcb0d15f0a4709cc5b17654e','f843c814e85a2dba4a97c08814f55f7f2ffdb32dfcb0d15f0a4709cc5b17654e','502eaba22b8e29ff40b215db3af21994a48ba09fa4a96b970b8cd5e1493cd486');
CREATE TABLE rejected_lines (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  position INTEGER NOT NULL,
  line INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  UNIQUE (run_id, position)
);
INSERT INTO "rejected_lines" VALUES(1,1,3,4,468,15,'fa7d65793d3cd9ce257899d314d6fbde1267f052918acde90ef696a4eb1d945a','invalid-json','not valid JSON (expecting value at column 1)','0000000000000000000000000000000000000000000000000000000000000000','495519d34704c185f92936f675565f3e675ca68449a721e2c8e86e6622acfbc2');
INSERT INTO "rejected_lines" VALUES(2,2,3,4,468,15,'fa7d65793d3cd9ce257899d314d6fbde1267f052918acde90ef696a4eb1d945a','invalid-json','not valid JSON (expecting value at column 1)','0000000000000000000000000000000000000000000000000000000000000000','c57ee8ec1435377ed2873c0505fee0d7cb8a1e6fb2cc1677f72773cfcad5e75d');
CREATE TABLE run_events (           -- fallbacks and warnings a run gave
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  at TEXT NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,               -- run | revert
  parent_run INTEGER REFERENCES runs(id),
  started_at TEXT NOT NULL,         -- UTC, ISO 8601
  finished_at TEXT,
  status TEXT NOT NULL,             -- running | interrupted | finishing | finished | failed | superseded
  corpus TEXT NOT NULL,
  corpus_sha256 TEXT NOT NULL,
  corpus_bytes INTEGER NOT NULL,
  output TEXT NOT NULL,
  output_sha256 TEXT,
  rejected TEXT NOT NULL,           -- where rejected lines are kept
  config TEXT NOT NULL,             -- JSON
  config_hash TEXT NOT NULL,        -- of the settings that shape the output
  engine TEXT NOT NULL,             -- fingerprint of what rewrites
  versions TEXT NOT NULL,           -- JSON
  seal TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,'run',NULL,'2026-11-26T15:28:38+00:00','2026-11-26T15:28:39+00:00','finished','c.jsonl','9629d079e7fdb4b478f4382fd5db59509cef470c547a13fb369c896956cec71e',582,'c.boosted.jsonl','7239f6a472689d00a8d07b3411e82552dd958208e807f96baa306e9a1eff326a','c.boosted.jsonl.rejected.jsonl','{"kinds":["altered-placeholder","altered-url","broken-numbering","decimal-separator","empty-response","false-equation","foreign-script","imperial-unit","invisible-character","item-count-mismatch","leaked-markup","mixed-script-word","mojibake","percent-form","punctuation-form","punctuation-spacing","repetition-loop","translated-code","unclosed-markup","untranslated-text","wrong-language"],"language":"auto","limit":null,"map":null,"model":null,"passes":["content","localization","translation","verification"],"source":null,"typography":false,"version":"0.1.0"}','3440b5ac09b63b37f6bd941bb605479b79ae60be03df8dd8bb07dfa59915b1ed','embedded 0.1.0','{"midb-agent":"0.1.0","python":"3.11.7","langgraph":"1.2.24","pydantic":"2.14.4","ftfy":"6.3.1","lingua-language-detector":"2.1.1","regex":"2026.11.19","babel":"2.19.0","pint":"0.25.3","rapidfuzz":"3.14.6"}','b0235136e86abd74dfa1f6ccd73986471484c98b5edf16c8ba5170a3b165cfad');
INSERT INTO "runs" VALUES(2,'revert',1,'2026-11-26T15:28:39+00:00','2026-11-26T15:28:39+00:00','finished','c.jsonl','9629d079e7fdb4b478f4382fd5db59509cef470c547a13fb369c896956cec71e',582,'less.jsonl','a5db15a0bb13c7d3589f53f1138a9812535acb6603a679587dd0e5860978ea62','c.boosted.jsonl.rejected.jsonl','{"reverts":"kind broken-numbering, decimal-separator","parent":1}','e58dfbff3b83cf28d4491300d86d706c8f765b56c887742f11d44fa8cd981083','embedded 0.1.0','{"midb-agent":"0.1.0","python":"3.11.7","langgraph":"1.2.24","pydantic":"2.14.4","ftfy":"6.3.1","lingua-language-detector":"2.1.1","regex":"2026.11.19","babel":"2.19.0","pint":"0.25.3","rapidfuzz":"3.14.6"}','495b245794e58e28f23fcc463ba0094e6797bb84fdb5bb0308de5ce52a682ad8');
CREATE INDEX records_by_key ON records(run_id, record_key);
CREATE INDEX decisions_by_record ON decisions(record_id);
CREATE INDEX findings_by_record ON findings(record_id);
CREATE VIEW decision_trail AS
  SELECT r.run_id, r.record_key, r.language, r.outcome, d.pair, d.id AS decision_id, d.pass, d.attempt, d.action,
         d.reason, d.detail, (SELECT count(*) FROM edits e WHERE e.decision_id = d.id) AS edits
  FROM decisions d JOIN records r ON r.id = d.record_id ORDER BY d.id;
CREATE VIEW edits_by_kind AS
  SELECT r.run_id, r.language, d.pass, e.kind, count(*) AS edits, count(DISTINCT r.id) AS records
  FROM edits e JOIN decisions d ON d.id = e.decision_id JOIN records r ON r.id = d.record_id
  WHERE d.action = 'applied' GROUP BY 1, 2, 3, 4;
CREATE VIEW open_findings_by_language AS
  SELECT r.run_id, r.language, f.kind, f.severity, count(*) AS findings, count(DISTINCT r.id) AS records
  FROM findings f JOIN records r ON r.id = f.record_id WHERE f.status = 'open' GROUP BY 1, 2, 3, 4;
CREATE INDEX decisions_by_generation ON decisions(generation_id) WHERE generation_id IS NOT NULL;
CREATE VIEW generations_by_pass AS
  SELECT run_id, pass, finish_reason, count(*) AS generations, sum(prompt_tokens) AS prompt_tokens,
         sum(cached_tokens) AS cached_tokens, sum(completion_tokens) AS completion_tokens, sum(seconds) AS seconds
  FROM generations GROUP BY 1, 2, 3;
COMMIT;
