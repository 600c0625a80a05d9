BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE command_transitions (
	id TEXT NOT NULL, 
	command_id TEXT NOT NULL, 
	time DOUBLE NOT NULL, 
	state TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	node TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	reply TEXT, 
	reference INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "command_transitions" VALUES('c1.0.north-1','c1',1760000100.5,'queued',0,'north-1','',NULL,NULL);
INSERT INTO "command_transitions" VALUES('c1.1.north-1','c1',1760000102.5,'held',1,'north-1','moving at 55 km/h',NULL,NULL);
INSERT INTO "command_transitions" VALUES('c2.0.north-1','c2',1760000100.5,'queued',0,'north-1','',NULL,NULL);
INSERT INTO "command_transitions" VALUES('c2.1.north-2','c2',1760000101.5,'sent',1,'north-2','',NULL,4711);
INSERT INTO "command_transitions" VALUES('c2.2.north-2','c2',1760000103.5,'answered',2,'north-2','','Škofja Loka',NULL);
CREATE TABLE commands (
	id TEXT NOT NULL, 
	vehicle_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	created_time DOUBLE NOT NULL, 
	expires_time DOUBLE NOT NULL, 
	node TEXT NOT NULL, 
	is_open SMALLINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "commands" VALUES('c1','v1','engine_cut','{}',1760000100.5,1760001000.5,'north-1',1);
INSERT INTO "commands" VALUES('c2','v1','locate','{}',1760000100.5,1760001000.5,'north-1',0);
CREATE TABLE journal (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	vehicle_key INTEGER NOT NULL, 
	fix_time_us INTEGER NOT NULL, 
	digest INTEGER NOT NULL, 
	lat DOUBLE NOT NULL, 
	lon DOUBLE NOT NULL, 
	speed_kmh DOUBLE, 
	course_deg DOUBLE, 
	altitude_m DOUBLE, 
	flags SMALLINT NOT NULL, 
	satellites SMALLINT, 
	received_time_us INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	alarms TEXT, 
	attributes TEXT
);
INSERT INTO "journal" VALUES(4,1,1760000003000000,-4506105046317481570,46.05,14.51,NULL,NULL,NULL,1,NULL,1760000003500000,1760000003500000,NULL,NULL);
INSERT INTO "journal" VALUES(5,2,1760000004123456,-56422682470610504,46.05,14.51,NULL,NULL,NULL,1,NULL,1760000004500000,1760000004500000,NULL,NULL);
CREATE TABLE positions (
	vehicle_key INTEGER NOT NULL, 
	fix_time_us INTEGER NOT NULL, 
	digest INTEGER NOT NULL, 
	lat DOUBLE NOT NULL, 
	lon DOUBLE NOT NULL, 
	speed_kmh DOUBLE, 
	course_deg DOUBLE, 
	altitude_m DOUBLE, 
	flags SMALLINT NOT NULL, 
	satellites SMALLINT, 
	received_time_us INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	alarms TEXT, 
	attributes TEXT, 
	PRIMARY KEY (vehicle_key, fix_time_us, digest)
)
 WITHOUT ROWID

;
INSERT INTO "positions" VALUES(1,1760000000000000,-8010004965404090632,46.05,14.51,NULL,NULL,NULL,1,NULL,1760000000500000,1760000000500000,NULL,NULL);
INSERT INTO "positions" VALUES(1,1760000001000000,8619045642411470509,-46.05123456789,179.99999999,12.3,359.5,-3.5,14,7,1760000001500000,1760000001500000,'["sos","overspeed"]','{"battery_v":4.1,"text":"Škofja Loka"}');
INSERT INTO "positions" VALUES(2,1760000002000000,-3443641041347955567,46.05,14.51,NULL,NULL,NULL,5,NULL,1760000002500000,1760000002500000,NULL,NULL);
CREATE TABLE vehicle_keys (
	vehicle_key INTEGER NOT NULL, 
	vehicle_id TEXT NOT NULL, 
	PRIMARY KEY (vehicle_key), 
	UNIQUE (vehicle_id)
);
INSERT INTO "vehicle_keys" VALUES(1,'v1');
INSERT INTO "vehicle_keys" VALUES(2,'v2');
CREATE TABLE vehicles (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	device TEXT NOT NULL, 
	fleet TEXT NOT NULL, 
	group_path TEXT NOT NULL, 
	protocol TEXT NOT NULL, 
	status TEXT NOT NULL, 
	utc_offset_s INTEGER, 
	datum TEXT NOT NULL, 
	created_time DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "vehicles" VALUES('v1','Van v1','imei-v1','main','north/trucks','gt06','active',NULL,'wgs84',1760000000.25);
INSERT INTO "vehicles" VALUES('v2','Van v2','imei-v2','main','','','pending',28800,'gcj02',0.0);
CREATE INDEX commands_of_vehicle ON commands (vehicle_id, created_time, id);
CREATE INDEX commands_by_state ON commands (is_open, created_time);
CREATE INDEX transitions_of_command ON command_transitions (command_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',5);
COMMIT;
