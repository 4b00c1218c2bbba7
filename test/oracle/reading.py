"""What a chain's tables must hold, read from JSON-RPC answers.

An independent reading: it shares no code with the extension, knows the tables
by the meaning of their columns only, and gives rows the way PostgreSQL's
row_to_json shows them with bytea_output = hex in UTC: bytea as "\\x…", numbers
as numbers, times in ISO 8601, NULL as None.
"""

import datetime
import json

# Members of a transaction and of its receipt that other chains' hashes cover.
EXTRA_OF_TRANSACTION = (
    "sourceHash", "mint", "isSystemTx",                  # OP Stack deposits
    "requestId", "refundTo", "l1BaseFee", "depositValue", "retryTo",
    "retryValue", "retryData", "beneficiary", "maxSubmissionFee", "ticketId",
    "maxRefund", "submissionFeeRefund",                  # Arbitrum's own types
    "feeCurrency")                                       # Celo
EXTRA_OF_RECEIPT = ("depositNonce", "depositReceiptVersion")

# The tables' primary keys.
KEYS = {
    "blocks": ("number",),
    "transactions": ("block_number", "transaction_index"),
    "logs": ("block_number", "log_index"),
    "withdrawals": ("block_number", "withdrawal_index"),
}

EPOCH = datetime.datetime(1970, 1, 1)


class Unreadable(Exception):
    """The JSON is not what a node may answer."""


def once(pairs):
    """For json.loads: a member that is there twice has no one value."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("a member is there twice")
    return members


def loads(text):
    return json.loads(text, object_pairs_hook=once)


def data(value, size=None):
    """Bytes, of a fixed size unless None."""
    if value is None:
        return None
    if not isinstance(value, str) or value[:2] != "0x":
        raise Unreadable(f"{value!r:.80} is not data")
    digits = value[2:]
    raw = bytes.fromhex(digits)
    if size is not None and len(raw) != size:
        raise Unreadable(f"{value!r:.80} is not {size} bytes long")
    return "\\x" + raw.hex()


def hash32(value):
    return data(value, 32)


def address(value):
    return data(value, 20)


def quantity(value):
    if value is None:
        return None
    if not isinstance(value, str) or value[:2] != "0x" or len(value) < 3:
        raise Unreadable(f"{value!r:.80} is not a quantity")
    return int(value[2:], 16)


def canonical(value):
    """A quantity as JSON-RPC writes it."""
    return hex(quantity(value))


def word(value):
    """A number as 32 bytes, padded on the left."""
    number = quantity(value)
    return None if number is None else "\\x" + number.to_bytes(32, "big").hex()


def time(value):
    moment = EPOCH + datetime.timedelta(seconds=quantity(value))
    return moment.isoformat() + "+00:00"


def hashes(value):
    return None if value is None else [hash32(item) for item in value]


def prefixed(value, size):
    """Bytes inside of JSON."""
    return "0x" + data(value, size)[2:]


def access_list(value):
    if value is None:
        return None
    return [{"address": prefixed(item["address"], 20),
             "storageKeys": [prefixed(key, 32) for key in item["storageKeys"]]}
            for item in value]


def authorization_list(value):
    if value is None:
        return None
    return [{"address": prefixed(item["address"], 20),
             **{name: canonical(item[name])
                for name in ("chainId", "nonce", "yParity", "r", "s")}}
            for item in value]


def extra(transaction, receipt):
    members = {name: source[name]
               for source, names in ((transaction, EXTRA_OF_TRANSACTION),
                                     (receipt, EXTRA_OF_RECEIPT))
               for name in names if source.get(name) is not None}
    return members or None


def block_row(block):
    get = block.get
    return {
        "number": quantity(block["number"]),
        "hash": hash32(block["hash"]),
        "parent_hash": hash32(block["parentHash"]),
        "nonce": data(get("nonce"), 8),
        "sha3_uncles": hash32(get("sha3Uncles")),
        "logs_bloom": data(get("logsBloom"), 256),
        "transactions_root": hash32(get("transactionsRoot")),
        "state_root": hash32(get("stateRoot")),
        "receipts_root": hash32(get("receiptsRoot")),
        "withdrawals_root": hash32(get("withdrawalsRoot")),
        "uncles": hashes(get("uncles")),
        "miner": address(get("miner")),
        "difficulty": quantity(get("difficulty")),
        "total_difficulty": quantity(get("totalDifficulty")),
        "size": quantity(get("size")),
        "extra_data": data(get("extraData")),
        "mix_hash": hash32(get("mixHash")),
        "gas_limit": quantity(get("gasLimit")),
        "gas_used": quantity(get("gasUsed")),
        "timestamp": time(block["timestamp"]),
        "transaction_count": len(block["transactions"]),
        "base_fee_per_gas": quantity(get("baseFeePerGas")),
        "blob_gas_used": quantity(get("blobGasUsed")),
        "excess_blob_gas": quantity(get("excessBlobGas")),
        "parent_beacon_block_root": hash32(get("parentBeaconBlockRoot")),
        "requests_hash": hash32(get("requestsHash")),
        "block_access_list_hash": hash32(get("blockAccessListHash")),
        "slot_number": quantity(get("slotNumber")),
        "checks": None,
        "extra": None,
    }


def transaction_row(block, tx, receipt):
    get, got = tx.get, receipt.get
    v = get("v") if get("v") is not None else get("yParity")
    return {
        "block_number": quantity(block["number"]),
        "transaction_index": quantity(tx["transactionIndex"]),
        "block_timestamp": time(block["timestamp"]),
        "hash": hash32(tx["hash"]),
        "nonce": quantity(get("nonce")),
        "from_address": address(get("from")),
        "to_address": address(get("to")),
        "value": quantity(get("value")),
        "gas": quantity(get("gas")),
        "gas_price": quantity(get("gasPrice")),
        "input": data(get("input")),
        "max_fee_per_gas": quantity(get("maxFeePerGas")),
        "max_priority_fee_per_gas": quantity(get("maxPriorityFeePerGas")),
        "max_fee_per_blob_gas": quantity(get("maxFeePerBlobGas")),
        "blob_versioned_hashes": hashes(get("blobVersionedHashes")),
        "access_list": access_list(get("accessList")),
        "authorization_list": authorization_list(get("authorizationList")),
        "transaction_type": quantity(get("type")),
        "chain_id": quantity(get("chainId")),
        "v": quantity(v),
        "r": word(get("r")),
        "s": word(get("s")),
        "receipt_status": quantity(got("status")),
        "receipt_gas_used": quantity(got("gasUsed")),
        "receipt_cumulative_gas_used": quantity(got("cumulativeGasUsed")),
        "receipt_effective_gas_price": quantity(got("effectiveGasPrice")),
        "receipt_contract_address": address(got("contractAddress")),
        "receipt_root": hash32(got("root")),
        "receipt_blob_gas_used": quantity(got("blobGasUsed")),
        "receipt_blob_gas_price": quantity(got("blobGasPrice")),
        "extra": extra(tx, receipt),
    }


def log_row(block, log):
    topics = [hash32(topic) for topic in log["topics"]]
    row = {
        "block_number": quantity(log["blockNumber"]),
        "log_index": quantity(log["logIndex"]),
        "transaction_index": quantity(log["transactionIndex"]),
        "block_timestamp": time(block["timestamp"]),
        "transaction_hash": hash32(log["transactionHash"]),
        "address": address(log["address"]),
        "data": data(log["data"]),
    }
    for place, topic in enumerate(topics + [None] * (4 - len(topics))):
        row[f"topic{place}"] = topic
    return row


def withdrawal_row(block, withdrawal):
    return {
        "block_number": quantity(block["number"]),
        "withdrawal_index": quantity(withdrawal["index"]),
        "block_timestamp": time(block["timestamp"]),
        "validator_index": quantity(withdrawal["validatorIndex"]),
        "address": address(withdrawal["address"]),
        "amount": quantity(withdrawal["amount"]),
    }


def rows(block, receipts):
    """All rows of a block, as (table, key, row)."""
    seen = set()
    try:
        for table, row in rows_of(block, receipts):
            key = tuple(row[column] for column in KEYS[table])
            if (table, key) in seen:
                raise Unreadable(f"{table} {key} is there twice")
            seen.add((table, key))
            yield table, key, row
    except KeyError as missing:
        raise Unreadable(f"member {missing} is missing") from None
    except (TypeError, ValueError) as error:
        raise Unreadable(str(error)) from None


def rows_of(block, receipts):
    # receipts go by their transaction's hash, whatever their order
    by_hash = {data(receipt["transactionHash"]): receipt
               for receipt in receipts or []}
    yield "blocks", block_row(block)
    for tx in block["transactions"]:
        receipt = by_hash.pop(data(tx["hash"]), None)
        if receipt is None:
            raise Unreadable(f"no receipt of transaction {tx['hash']}")
        yield "transactions", transaction_row(block, tx, receipt)
        for log in receipt["logs"]:
            yield "logs", log_row(block, log)
    if by_hash:
        raise Unreadable(f"receipts of no transaction: {sorted(by_hash)}")
    for withdrawal in block.get("withdrawals") or []:
        yield "withdrawals", withdrawal_row(block, withdrawal)
