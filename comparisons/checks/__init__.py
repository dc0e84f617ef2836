"""The instrument tested: finds it what is planted, keep backends the contract, what is their own habit?"""
