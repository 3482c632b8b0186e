-- What a payout to a wallet would have cost in gas, when it was refused for that: its next claims are refused at once.

ALTER TABLE wallets ADD COLUMN payout_gas INT64;

ALTER TABLE wallets ADD COLUMN payout_gas_at TIMESTAMP;

ALTER INDEX wallets_active ADD STORED COLUMN payout_gas;

ALTER INDEX wallets_active ADD STORED COLUMN payout_gas_at;
