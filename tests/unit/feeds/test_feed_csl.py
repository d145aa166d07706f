"""Screening lists: every form of them, every refusal counted, and each day its own version."""

from __future__ import annotations

import json
from datetime import date

import pytest

from stillwatch.feeds.countries import find_country
from stillwatch.feeds.csl import parse_csl
from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.parties import find_list_code

CSL = (
    "_id,source,entity_number,type,programs,name,addresses,federal_register_notice,start_date,"
    "end_date,source_list_url,alt_names\n"
)
ENTITY_LIST = "Entity List (EL) - Bureau of Industry and Security"


def parse(make_feed, **files):
    feed = make_feed("csl")
    parsed = parse_csl(
        feed, {name.replace("__", "."): text.encode() for name, text in files.items()}
    )
    assert parsed.entry_count == parsed.used_count + parsed.refused.total()
    assert parsed.used_count == len(parsed.parties)
    return parsed


def test_parse_csl__consolidated_csv(make_feed):
    row = (
        f'a1,{ENTITY_LIST},,,,Quillstone Optical (QOS),"1 Example Road, Town, SG; 2 Way, CN",'
        "91 FR 1,2026-02-03,,https://example.com/el,Qulon; Quillstone Lab\n"
    )
    parsed = parse(make_feed, list__csv=CSL + row)
    party = parsed.parties["EL:a1"]
    assert (party.name, party.weak_aliases) == ("Quillstone Optical", ("QOS",))
    assert party.aliases == ("Quillstone Lab", "Qulon")
    assert party.address_countries == ("CN", "SG")
    assert (party.start_date, party.end_date) == (date(2026, 2, 3), None)
    assert (party.federal_register_notice, party.list_name) == ("91 FR 1", ENTITY_LIST)


def test_refresh__a_screening_list_without_terms_counts_inside_alone(deployment):
    row = f"a1,{ENTITY_LIST},,,,Quillstone Optical,,,2026-02-03,,,\n"
    terms = {"licence": None, "ttl_days": None, "permitted_use": "public"}
    deployment.configure({"id": "list", "kind": "csl"} | terms)
    deployment.land("list", "2026-10-31T060000Z", CSL + row, name="list.csv")
    assert deployment.refresh("list", "2026-11-01").state == "current"
    (party,) = deployment.read("list", "2026-10-31T060000Z", "listed_parties")
    assert (party["licence"], party["permitted_use"]) == ("none stated", "internal")


def test_parse_csl__consolidated_json(make_feed):
    entry = {
        "id": "77",
        "source": "Specially Designated Nationals (SDN) - Treasury Department",
        "type": "Individual",
        "programs": ["DEMO"],
        "name": "VANTERIK, Osgood",
        "alt_names": ["VANTERICK, Osgood"],
        "addresses": [{"city": "Town", "country": "RU"}, {"country": None}],
    }
    document = {"results": [entry, entry, "text", {"source": ENTITY_LIST, "name": ""}]}
    parsed = parse(make_feed, list__json=json.dumps(document))
    party = parsed.parties["SDN:77"]
    assert (party.party_type, party.programmes) == ("individual", ("DEMO",))
    assert party.address_countries == ("RU",)
    assert parsed.refused == {"duplicate": 1, "malformed": 1, "no_name": 1}


def test_parse_csl__a_single_list_as_json(make_feed):
    entries = [
        {"name": "Marrowfen (a.k.a. Marrowfen Compute)", "aliases": ["MF"], "country": "China"},
        {"name": "Marrowfen", "aliases": {"not": "a list"}, "country": "China"},
    ]
    parsed = parse(
        make_feed, list__json=json.dumps({"list_id": "bis-entity-list", "entities": entries})
    )
    (party,) = parsed.parties.values()
    assert (party.list_code, party.name) == ("EL", "Marrowfen")
    assert (party.aliases, party.address_countries) == (("MF", "Marrowfen Compute"), ("CN",))
    assert parsed.refused == {"malformed": 1}


def test_parse_csl__denied_persons(make_feed):
    text = (
        '"Name"\t"Country"\t"Effective_Date"\t"Expiration_Date"\t"Standard_Order"\t"FR_Citation"\n'
        '" OSGOOD VANTERIK"\t"US"\t"02/03/2026"\t"02/03/2036"\t"Y"\t"91 FR 2"\n'
        '"B"\t"US"\t"13/13/2026"\t""\t"Y"\t""\n'
        '"C"\t"US"\t"02/03/2026"\t"02/03/2025"\t"Y"\t""\n'
    )
    parsed = parse(make_feed, dpl__txt=text)
    (party,) = parsed.parties.values()
    assert (party.list_code, party.name) == ("DPL", "OSGOOD VANTERIK")
    assert (party.start_date, party.end_date) == (date(2026, 2, 3), date(2036, 2, 3))
    assert parsed.refused == {"bad_date": 1, "ends_before_start": 1}


def test_parse_csl__sdn_files_are_joined_and_orphans_are_counted(make_feed):
    dashes = ",-0- " * 7
    parsed = parse(
        make_feed,
        sdn__csv=f"""7,"QUILLSTONE HOLDING",-0- ,"DEMO] [TEST"{dashes},"a.k.a. 'QSH'."\n\x1a""",
        alt__csv='7,1,"aka","QUILLSTONE GROUP",-0- \n8,2,"aka","NOBODY",-0- \n',
        add__csv='7,1,"1 Road","Town","Russia",-0- \n7,2,-0- ,-0- ,-0- ,-0- \n',
    )
    party = parsed.parties["SDN:7"]
    assert (party.party_type, party.programmes) == ("entity", ("DEMO", "TEST"))
    assert (party.aliases, party.weak_aliases) == (("QUILLSTONE GROUP",), ("QSH",))
    assert party.address_countries == ("RU",)
    assert parsed.refused == {"no_such_party": 1}


def test_parse_csl__sdn_xml(make_feed):
    text = """<?xml version="1.0"?><sdnList xmlns="https://example.com/sdn"><publshInformation/>
    <sdnEntry><uid>7</uid><firstName>Osgood</firstName><lastName>VANTERIK</lastName>
    <sdnType>Individual</sdnType><programList><program>DEMO</program></programList>
    <akaList><aka><uid>1</uid><category>strong</category><lastName>VANTERICK</lastName></aka>
    <aka><uid>2</uid><category>weak</category><lastName>OZ</lastName></aka></akaList>
    <addressList><address><uid>1</uid><country>Russia</country></address></addressList>
    </sdnEntry></sdnList>"""
    party = parse(make_feed, sdn__xml=text).parties["SDN:7"]
    assert (party.name, party.party_type) == ("VANTERIK, Osgood", "individual")
    assert (party.aliases, party.weak_aliases) == (("VANTERICK",), ("OZ",))
    assert party.address_countries == ("RU",)


@pytest.mark.fault(38, 40)
@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("list.csv", "<!doctype html><title>Log in</title>", "html_page"),
        ("list.csv", "a,b\n1,2\n", "unreadable"),
        ("list.csv", "source\rx,name\n", "unreadable"),
        ("list.json", '{"results": 1}', "unreadable"),
        ("list.json", "{", "unreadable"),
        ("list.xml", "<sdnList>", "unreadable"),
        ("list.xml", "<other/>", "unreadable"),
        ("list.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><sdnList>&a;</sdnList>', "unreadable"),
        ("alt.csv", '7,1,"aka","A",-0- \n', "unreadable"),
    ],
)
def test_parse_csl__a_file_that_is_no_list_is_refused_as_a_whole(make_feed, name, text, reason):
    with pytest.raises(VersionRefusedError) as raised:
        parse_csl(make_feed("csl"), {name: text.encode()})
    assert raised.value.reason == reason


def test_parse_csl__an_excluded_entry_is_counted(make_feed):
    feed = make_feed("csl", exclude=[{"value": "Quillstone", "reason": "withdrawn by the list"}])
    parsed = parse_csl(feed, {"l.csv": f"{CSL}a1,{ENTITY_LIST},,,,Quillstone,,,,,,\n".encode()})
    assert (parsed.used_count, parsed.refused) == (0, {"excluded": 1})


def test_find_list_code__from_brackets_or_the_name():
    assert find_list_code("Military End User (MEU) List - Bureau") == "MEU"
    assert find_list_code("National list no. 5") == "NATIONAL_LIST_NO_5"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("China", "CN"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Burma", "MM"),
        ("United Arab Emirates", "AE"),
        ("South Korea", "KR"),
        ("Hong Kong", "HK"),
        ("gb", "GB"),
        ("XX", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_find_country__by_code_or_name(text, code):
    assert find_country(text) == code


def test_refresh__a_day_knows_the_list_as_it_had_landed_and_counts_what_has_run_out(deployment):
    deployment.configure({"id": "lists", "kind": "csl"})
    rows = [
        f"a1,{ENTITY_LIST},,,,Quillstone,,,2026-01-01,,,",
        f"a2,{ENTITY_LIST},,,,Marrowfen,,,2026-01-01,2026-10-31,,",
        f"a3,{ENTITY_LIST},,,,Copperleaf,,,2026-12-01,,,",
    ]
    deployment.land("lists", "2026-10-20T060000Z", CSL + "\n".join(rows), "list.csv")
    deployment.land("lists", "2026-11-02T060000Z", CSL + rows[0], "list.csv")
    result = deployment.refresh("lists", "2026-11-01")
    assert result.version == "2026-10-20T060000Z"
    assert (result.entry_count, result.used_count) == (3, 1)
    assert result.refused_by_reason == {"expired": 1, "not_yet_valid": 1}
    assert deployment.refresh("lists", "2026-10-31").used_count == 2
    parties = deployment.read("lists", "2026-10-20T060000Z", "listed_parties")
    assert [row["party_key"] for row in parties] == ["EL:a1", "EL:a2", "EL:a3"]
    assert parties[1]["end_date"] == date(2026, 10, 31)
    assert deployment.read("lists", "2026-10-20T060000Z") == []  # no indicators


@pytest.mark.fault(42)
def test_refresh__a_list_that_shrinks_leaves_the_last_good_one_in_use(deployment):
    deployment.configure({"id": "lists", "kind": "csl"})
    many = CSL + "".join(f"a{n},{ENTITY_LIST},,,,Party {n},,,,,,\n" for n in range(10))
    deployment.land("lists", "2026-10-20T060000Z", many, "list.csv")
    deployment.land(
        "lists", "2026-10-21T060000Z", CSL + f"a1,{ENTITY_LIST},,,,Party 1,,,,,,\n", "list.csv"
    )
    result = deployment.refresh("lists", "2026-11-01")
    assert (result.state, result.version, result.used_count) == (
        "last_good",
        "2026-10-20T060000Z",
        10,
    )
    assert result.refused_versions[0][1] == "shrank"
