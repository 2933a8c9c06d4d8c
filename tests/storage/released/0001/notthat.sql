BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE exclusions (
	turn_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	term TEXT NOT NULL, 
	weight DOUBLE NOT NULL, 
	source TEXT NOT NULL, 
	since INTEGER NOT NULL, 
	words TEXT NOT NULL, 
	CONSTRAINT pk_exclusions PRIMARY KEY (turn_id, position), 
	CONSTRAINT fk_exclusions_turn_id_turns FOREIGN KEY(turn_id) REFERENCES turns (id)
);
INSERT INTO "exclusions" VALUES(1,0,'blurry',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,0,'blurry',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,1,'dark',1.0,'user',1,'too dark');
INSERT INTO "exclusions" VALUES(3,0,'blurry',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,1,'seagulls',1.0,'user',2,'keine Möwen');
CREATE TABLE sessions (
	id VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	model TEXT NOT NULL, 
	policies JSON NOT NULL, 
	head INTEGER NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id)
);
INSERT INTO "sessions" VALUES('5d0c1f6b7a9e2304','2026-10-02 09:15:00.000000','mini','["quality"]',2);
CREATE TABLE turns (
	id INTEGER NOT NULL, 
	session_id VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	parent INTEGER, 
	created_at DATETIME NOT NULL, 
	feedback TEXT NOT NULL, 
	edits JSON NOT NULL, 
	reply TEXT NOT NULL, 
	prompt TEXT NOT NULL, 
	negative TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	request JSON NOT NULL, 
	image VARCHAR(64) NOT NULL, 
	seconds DOUBLE NOT NULL, 
	CONSTRAINT pk_turns PRIMARY KEY (id), 
	CONSTRAINT uq_turns_session_id_number UNIQUE (session_id, number), 
	CONSTRAINT fk_turns_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id), 
	CONSTRAINT fk_turns_session_id_parent_turns FOREIGN KEY(session_id, parent) REFERENCES turns (session_id, number), 
	CONSTRAINT ck_turns_parent CHECK ((number = 0) = (parent IS NULL) AND (parent IS NULL OR parent < number))
);
INSERT INTO "turns" VALUES(1,'5d0c1f6b7a9e2304',0,NULL,'2026-10-02 09:15:00.000000','a pier','[{"op": "prompt", "text": "a pier"}]','A pier.','a pier','blurry',11,'{"model": "mini", "prompt": "a pier", "negative_prompt": "blurry", "base_negative_prompt": "blurry", "joining_step": 0, "syntax": "weighted", "seed": 11, "num_inference_steps": 20, "guidance_scale": 5.0, "width": 128, "height": 128}','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1',0.25);
INSERT INTO "turns" VALUES(2,'5d0c1f6b7a9e2304',1,0,'2026-10-02 09:16:00.000000','too dark','[{"op": "exclude", "term": "dark", "weight": 1.0}]','Excluded “dark”.','a pier','blurry, dark',11,'{"model": "mini", "prompt": "a pier", "negative_prompt": "blurry, dark", "base_negative_prompt": "blurry", "joining_step": 0, "syntax": "weighted", "seed": 11, "num_inference_steps": 20, "guidance_scale": 5.0, "width": 128, "height": 128}','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2',0.25);
INSERT INTO "turns" VALUES(3,'5d0c1f6b7a9e2304',2,0,'2026-10-02 09:17:00.000000','keine Möwen','[{"op": "exclude", "term": "seagulls", "weight": 1.0}]','Excluded “seagulls”.','a pier','blurry, seagulls',1099511627776,'{"model": "mini", "prompt": "a pier", "negative_prompt": "blurry, seagulls", "base_negative_prompt": "blurry", "joining_step": 0, "syntax": "weighted", "seed": 1099511627776, "num_inference_steps": 20, "guidance_scale": 5.0, "width": 128, "height": 128}','c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3',0.25);
CREATE INDEX ix_turns_session_id_parent ON turns (session_id, parent);
CREATE INDEX ix_turns_image ON turns (image);
CREATE INDEX ix_exclusions_term ON exclusions (term);
COMMIT;
