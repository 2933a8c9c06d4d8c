BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	session_id VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	parent INTEGER, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	session JSON, 
	turn JSON NOT NULL, receipt JSON, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT ck_attempts_status CHECK (status IN ('pending', 'failed', 'cancelled')), 
	CONSTRAINT ck_attempts_first CHECK ((session IS NOT NULL) = (parent IS NULL))
);
INSERT INTO "attempts" VALUES(1,'80741c054432f99a',4,3,'failed','the device went away','laptop/4711/1796000000.00','2026-11-30 22:18:18.136643',NULL,'{"number": 4, "parent": 3, "feedback": "no umbrella", "edits": [{"op": "exclude", "term": "umbrella", "weight": 1.0}], "reply": "Excluded “umbrella”. mini never learned “umbrella”, so that may change nothing.", "prompt": "a woman with a hat and glasses", "negative": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, glasses, umbrella", "exclusions": [{"term": "blurry", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "watermark", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "text", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "oversaturated", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "jpeg artifacts", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "deformed", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "beard", "weight": 1.0, "source": "user", "since": 0, "words": "a woman with a hat and glasses without a beard"}, {"term": "hat", "weight": 1.0, "source": "user", "since": 1, "words": "no hat"}, {"term": "glasses", "weight": 1.0, "source": "user", "since": 3, "words": "no glasses, please"}, {"term": "umbrella", "weight": 1.0, "source": "user", "since": 4, "words": "no umbrella"}], "seed": 7, "request": {"model": "mini", "prompt": "a woman with a hat and glasses", "negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, glasses, umbrella", "base_negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed", "joining_step": 0, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "dynamic", "shown": ["hat", "glasses", "umbrella"], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 7, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}, "seconds": 0.0, "provenance": {"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {"quality": "title = \"A floor under the quality of every picture\"\n\nexclude = [\n    { term = \"blurry\" },\n    { term = \"watermark\" },\n    { term = \"text\" },\n    { term = \"oversaturated\" },\n    { term = \"jpeg artifacts\" },\n    { term = \"deformed\" },\n]\n"}, "interpreter": {"name": "offline", "raw": null}}}',NULL);
INSERT INTO "attempts" VALUES(2,'80741c054432f99a',4,3,'cancelled','stopped','laptop/4711/1796000000.00','2026-11-30 22:18:25.273622',NULL,'{"number": 4, "parent": 3, "feedback": "make the blur stronger", "edits": [{"op": "reweight", "term": "blurry", "weight": 1.2}], "reply": "“blurry” now weighs 1.2.", "prompt": "a woman with a hat and glasses", "negative": "(blurry:1.2), watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, glasses", "exclusions": [{"term": "blurry", "weight": 1.2, "source": "policy:quality", "since": 0, "words": ""}, {"term": "watermark", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "text", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "oversaturated", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "jpeg artifacts", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "deformed", "weight": 1.0, "source": "policy:quality", "since": 0, "words": ""}, {"term": "beard", "weight": 1.0, "source": "user", "since": 0, "words": "a woman with a hat and glasses without a beard"}, {"term": "hat", "weight": 1.0, "source": "user", "since": 1, "words": "no hat"}, {"term": "glasses", "weight": 1.0, "source": "user", "since": 3, "words": "no glasses, please"}], "seed": 7, "request": {"model": "mini", "prompt": "a woman with a hat and glasses", "negative_prompt": "(blurry:1.2), watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, glasses", "base_negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed", "joining_step": 0, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "dynamic", "shown": ["(blurry:1.2)", "hat", "glasses"], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 7, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}, "seconds": 0.0, "provenance": {"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {"quality": "title = \"A floor under the quality of every picture\"\n\nexclude = [\n    { term = \"blurry\" },\n    { term = \"watermark\" },\n    { term = \"text\" },\n    { term = \"oversaturated\" },\n    { term = \"jpeg artifacts\" },\n    { term = \"deformed\" },\n]\n"}, "interpreter": {"name": "offline", "raw": null}}}',NULL);
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
INSERT INTO "exclusions" VALUES(1,1,'watermark',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(1,2,'text',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(1,3,'oversaturated',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(1,4,'jpeg artifacts',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(1,5,'deformed',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(1,6,'beard',1.0,'user',0,'a woman with a hat and glasses without a beard');
INSERT INTO "exclusions" VALUES(2,0,'blurry',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,1,'watermark',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,2,'text',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,3,'oversaturated',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,4,'jpeg artifacts',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,5,'deformed',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(2,6,'beard',1.0,'user',0,'a woman with a hat and glasses without a beard');
INSERT INTO "exclusions" VALUES(2,7,'hat',1.0,'user',1,'no hat');
INSERT INTO "exclusions" VALUES(3,0,'blurry',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,1,'watermark',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,2,'text',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,3,'oversaturated',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,4,'jpeg artifacts',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,5,'deformed',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(3,6,'beard',1.0,'user',0,'a woman with a hat and glasses without a beard');
INSERT INTO "exclusions" VALUES(3,7,'hat',1.0,'user',1,'no hat');
INSERT INTO "exclusions" VALUES(3,8,'dark',1.0,'user',2,'too dark');
INSERT INTO "exclusions" VALUES(4,0,'blurry',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(4,1,'watermark',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(4,2,'text',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(4,3,'oversaturated',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(4,4,'jpeg artifacts',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(4,5,'deformed',1.0,'policy:quality',0,'');
INSERT INTO "exclusions" VALUES(4,6,'beard',1.0,'user',0,'a woman with a hat and glasses without a beard');
INSERT INTO "exclusions" VALUES(4,7,'hat',1.0,'user',1,'no hat');
INSERT INTO "exclusions" VALUES(4,8,'glasses',1.0,'user',3,'no glasses, please');
INSERT INTO "exclusions" VALUES(5,0,'fog',1.0,'user',0,'a house without fog');
INSERT INTO "exclusions" VALUES(6,0,'fog',1.3,'user',0,'a house without fog');
CREATE TABLE keys (
	id VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	admin BOOLEAN NOT NULL, 
	policies JSON NOT NULL, 
	limits JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_keys PRIMARY KEY (id), 
	CONSTRAINT uq_keys_name UNIQUE (name)
);
CREATE TABLE receipts (
	"key" VARCHAR(64) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	session_id VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY ("key")
);
CREATE TABLE sessions (
	id VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	model TEXT NOT NULL, 
	policies JSON NOT NULL, 
	head INTEGER NOT NULL, owner VARCHAR(16), 
	CONSTRAINT pk_sessions PRIMARY KEY (id)
);
INSERT INTO "sessions" VALUES('80741c054432f99a','2026-11-30 22:16:15.561254','mini','["quality"]',3,NULL);
INSERT INTO "sessions" VALUES('a24c15e90b2b856c','2026-11-30 22:18:31.645370','mini','[]',1,NULL);
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
	seconds DOUBLE NOT NULL, provenance JSON, 
	CONSTRAINT pk_turns PRIMARY KEY (id), 
	CONSTRAINT uq_turns_session_id_number UNIQUE (session_id, number), 
	CONSTRAINT fk_turns_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id), 
	CONSTRAINT fk_turns_session_id_parent_turns FOREIGN KEY(session_id, parent) REFERENCES turns (session_id, number), 
	CONSTRAINT ck_turns_parent CHECK ((number = 0) = (parent IS NULL) AND (parent IS NULL OR parent < number))
);
INSERT INTO "turns" VALUES(1,'80741c054432f99a',0,NULL,'2026-11-30 22:16:48.893673','a woman with a hat and glasses without a beard','[{"op": "exclude", "term": "beard", "weight": 1.0}, {"op": "prompt", "text": "a woman with a hat and glasses"}]','Excluded “beard”. The prompt is now “a woman with a hat and glasses”. mini never learned “jpeg” and “artifacts” and “deformed”, so that may change nothing.','a woman with a hat and glasses','blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard',7,'{"model": "mini", "prompt": "a woman with a hat and glasses", "negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard", "base_negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed", "joining_step": 0, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "dynamic", "shown": [], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 7, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}','6146e9b8c6e42cf0a63108b90c474221b11a208e36440eaf0adfa7b820163d11',3.3130130569000357354e+01,'{"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {"quality": "title = \"A floor under the quality of every picture\"\n\nexclude = [\n    { term = \"blurry\" },\n    { term = \"watermark\" },\n    { term = \"text\" },\n    { term = \"oversaturated\" },\n    { term = \"jpeg artifacts\" },\n    { term = \"deformed\" },\n]\n"}, "interpreter": {"name": "offline", "raw": null}, "negative_effect": 0.6974}');
INSERT INTO "turns" VALUES(2,'80741c054432f99a',1,0,'2026-11-30 22:17:28.157686','no hat','[{"op": "exclude", "term": "hat", "weight": 1.0}]','Excluded “hat”.','a woman with a hat and glasses','blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat',7,'{"model": "mini", "prompt": "a woman with a hat and glasses", "negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat", "base_negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed", "joining_step": 0, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "dynamic", "shown": ["hat"], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 7, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}','c48702c9002055be22aaf67c56a8ee30f79e11b7c067ea320362c5d808c7bdac',3.5041489514999739185e+01,'{"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {"quality": "title = \"A floor under the quality of every picture\"\n\nexclude = [\n    { term = \"blurry\" },\n    { term = \"watermark\" },\n    { term = \"text\" },\n    { term = \"oversaturated\" },\n    { term = \"jpeg artifacts\" },\n    { term = \"deformed\" },\n]\n"}, "interpreter": {"name": "offline", "raw": null}, "negative_effect": 0.643}');
INSERT INTO "turns" VALUES(3,'80741c054432f99a',2,1,'2026-11-30 22:17:48.559837','too dark','[{"op": "exclude", "term": "dark", "weight": 1.0}]','Excluded “dark”.','a woman with a hat and glasses','blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, dark',7,'{"model": "mini", "prompt": "a woman with a hat and glasses", "negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, dark", "base_negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed", "joining_step": 0, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "dynamic", "shown": ["hat", "dark"], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 7, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}','79d59b648fd942236ed59c3e5da54720d23f5dd40cfcbcc34ed17f80e69de64b',2.0285216256000239809e+01,'{"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {"quality": "title = \"A floor under the quality of every picture\"\n\nexclude = [\n    { term = \"blurry\" },\n    { term = \"watermark\" },\n    { term = \"text\" },\n    { term = \"oversaturated\" },\n    { term = \"jpeg artifacts\" },\n    { term = \"deformed\" },\n]\n"}, "interpreter": {"name": "offline", "raw": null}, "negative_effect": 1.9483}');
INSERT INTO "turns" VALUES(4,'80741c054432f99a',3,1,'2026-11-30 22:18:18.085051','no glasses, please','[{"op": "exclude", "term": "glasses", "weight": 1.0}]','Excluded “glasses”.','a woman with a hat and glasses','blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, glasses',7,'{"model": "mini", "prompt": "a woman with a hat and glasses", "negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed, beard, hat, glasses", "base_negative_prompt": "blurry, watermark, text, oversaturated, jpeg artifacts, deformed", "joining_step": 0, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "dynamic", "shown": ["hat", "glasses"], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 7, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}','a0362fb34b7851d73c336cd312106331648f776348bc0932f0903185412d48e6',2.94070144560000699138e+01,'{"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {"quality": "title = \"A floor under the quality of every picture\"\n\nexclude = [\n    { term = \"blurry\" },\n    { term = \"watermark\" },\n    { term = \"text\" },\n    { term = \"oversaturated\" },\n    { term = \"jpeg artifacts\" },\n    { term = \"deformed\" },\n]\n"}, "interpreter": {"name": "offline", "raw": null}, "negative_effect": 1.3878}');
INSERT INTO "turns" VALUES(5,'a24c15e90b2b856c',0,NULL,'2026-11-30 22:18:44.620285','a house without fog','[{"op": "exclude", "term": "fog", "weight": 1.0}, {"op": "prompt", "text": "a house"}]','Excluded “fog”. The prompt is now “a house”. mini never learned “fog”, so that may change nothing.','a house','fog',3,'{"model": "mini", "prompt": "a house", "negative_prompt": "fog", "base_negative_prompt": "", "joining_step": 1, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "cfg", "shown": [], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 3, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}','75893bd66bdc441af43cfe61ca0fcf22850318148e18856c66de95ffba49aff7',1.29166051310003240361e+01,'{"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {}, "interpreter": {"name": "offline", "raw": null}, "negative_effect": 0.0279}');
INSERT INTO "turns" VALUES(6,'a24c15e90b2b856c',1,0,'2026-11-30 22:18:53.179659','“fog” now weighs 1.3.','[{"op": "reweight", "term": "fog", "weight": 1.3}]','“fog” now weighs 1.3.','a house','(fog:1.3)',3,'{"model": "mini", "prompt": "a house", "negative_prompt": "(fog:1.3)", "base_negative_prompt": "", "joining_step": 1, "no_negative": false, "syntax": "weighted", "weighting": "scaled", "method": "cfg", "shown": [], "guidance_rescale": 0.5, "guidance_start": 0.0, "guidance_stop": 1.0, "guidance_agreement": 1.0, "loras": [], "embeddings": [], "seed": 3, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32}','535e5729e480e9650b56f7713d00b132c6693cf19ec5fdaae53d9a1d9e55d4b4',8.39852837000035,'{"notthat": "0.1.0", "model": "mini", "weights": "a8f3eba6ef800b80c4b551d5877b36d1055f0e86baeb5ccb337ca9352bffd4b1", "scheduler": "DDIMScheduler", "scheduler_config": {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "v_prediction", "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}, "dtype": "float32", "device": "cpu", "libraries": {"torch": "2.13.0+cpu", "diffusers": "0.42.0", "transformers": "5.23.0", "numpy": "2.4.6", "pillow": "13.0.0"}, "policies": {}, "interpreter": null, "negative_effect": 0.4726}');
CREATE INDEX ix_turns_session_id_parent ON turns (session_id, parent);
CREATE INDEX ix_turns_image ON turns (image);
CREATE INDEX ix_exclusions_term ON exclusions (term);
CREATE INDEX ix_sessions_created_at ON sessions (created_at);
CREATE INDEX ix_attempts_session_id_number ON attempts (session_id, number);
CREATE INDEX ix_attempts_status ON attempts (status);
CREATE INDEX ix_sessions_owner_created_at ON sessions (owner, created_at);
CREATE INDEX ix_receipts_created_at ON receipts (created_at);
COMMIT;
